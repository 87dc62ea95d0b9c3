/* SPDX-License-Identifier: Apache-2.0 */
/* The servers of the agent bench: one process each, ended with their parent. */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "traffic.h"

static void serve_bulk(int fd)
{
	static char chunk[4 * CHUNK];
	while (read(fd, chunk, sizeof(chunk)) > 0)
		;
}

static void serve_rr(int fd)
{
	char message[MESSAGE];
	while (recv(fd, message, MESSAGE, MSG_WAITALL) == MESSAGE)
		if (write(fd, message, MESSAGE) != MESSAGE)
			break;
}

static void serve_tcp(int port, void (*answer)(int))
{
	int listener = open_socket(SOCK_STREAM, port, 0);
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		if (fd < 0)
			continue;
		answer(fd);
		close(fd);
	}
}

static void serve_flood(void)
{
	char message[MESSAGE];
	int fd = open_socket(SOCK_DGRAM, FLOOD_PORT, 0);
	for (;;)
		if (recv(fd, message, sizeof(message), 0) < 0)
			continue;
}

/* Answers a query with one A record, name compressed to the question (RFC 1035 §4.1). */
static void serve_dns(void)
{
	static const uint8_t answer[] = {0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1};
	uint8_t message[512];
	int fd = open_socket(SOCK_DGRAM, DNS_PORT, 0);
	for (;;) {
		struct sockaddr_in from;
		socklen_t length = sizeof(from);
		ssize_t size = recvfrom(fd, message, sizeof(message) - sizeof(answer), 0, (struct sockaddr *)&from, &length);
		if (size < 12)
			continue;
		message[2] |= 0x80; /* QR */
		message[3] = 0x80;  /* RA, NOERROR */
		message[7] = 1;     /* ANCOUNT */
		memcpy(message + size, answer, sizeof(answer));
		sendto(fd, message, size + sizeof(answer), 0, (struct sockaddr *)&from, length);
	}
}

static void in_child(int service)
{
	if (fork() != 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (service == RR_PORT || service == CRR_PORT)
		stay_on_first_cpu();
	switch (service) {
	case BULK_PORT: serve_tcp(BULK_PORT, serve_bulk); break;
	case RR_PORT: serve_tcp(RR_PORT, serve_rr); break;
	case CRR_PORT: serve_tcp(CRR_PORT, serve_rr); break;
	case FLOOD_PORT: serve_flood(); break;
	case DNS_PORT: serve_dns(); break;
	}
	exit(1);
}

void serve(void)
{
	for (int port = BULK_PORT; port <= FLOOD_PORT; port++)
		in_child(port);
	in_child(DNS_PORT);
	for (;;)
		pause();
}
