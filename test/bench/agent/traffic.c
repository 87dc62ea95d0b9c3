/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Traffic for the bench of the whole agent; bounded in time, over IPv4.
 *
 *   traffic serve ADDRESS                        answers every workload until it is killed
 *   traffic WORKLOAD ADDRESS SECONDS [RATE]      one of bulk rr crr flood dns; RATE = operations per second, 0 = as fast as it goes
 *
 * rr and crr run on CPU 0 at both ends: left to the scheduler they are five times slower or faster from one run to the next.
 * A client prints one line of JSON: operations (bytes for bulk), seconds, and the latency of an operation in µs (0 where it has none).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "traffic.h"

enum { FLOWS = 64, MAX_LATENCIES = 1 << 20, BURSTS_PER_SECOND = 1000 };

static struct sockaddr_in peer;
static uint64_t begin_ns, end_ns, operations;
static uint32_t *latencies_us;
static size_t latency_count;
static uint64_t rate;

void die(const char *what)
{
	fprintf(stderr, "traffic: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

/* Counts one operation, waits for its turn where a rate is set, and says whether there is time for another. */
static int again(void)
{
	uint64_t now = now_ns();
	if (rate && operations % (rate / BURSTS_PER_SECOND + 1) == 0) {
		uint64_t due = begin_ns + operations * 1000000000ull / rate;
		if (due > now) {
			struct timespec at = {due / 1000000000ull, due % 1000000000ull};
			clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
		}
	}
	operations++;
	return now < end_ns;
}

static void took(uint64_t start_ns)
{
	if (latency_count < MAX_LATENCIES)
		latencies_us[latency_count++] = (now_ns() - start_ns) / 1000;
}

void stay_on_first_cpu(void)
{
	cpu_set_t cpus;
	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus) < 0)
		die("sched_setaffinity");
}

int open_socket(int type, int port, int client)
{
	int fd = socket(AF_INET, type, 0), on = 1;
	struct sockaddr_in at = peer;
	at.sin_port = htons(port);
	if (fd < 0)
		die("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (type == SOCK_STREAM)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if ((client ? connect : bind)(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		die(client ? "connect" : "bind");
	if (!client && type == SOCK_STREAM && listen(fd, 4096) < 0)
		die("listen");
	return fd;
}

static void bulk(void)
{
	static char chunk[CHUNK];
	int fd = open_socket(SOCK_STREAM, BULK_PORT, 1);
	uint64_t bytes = 0;
	while (now_ns() < end_ns) {
		ssize_t written = write(fd, chunk, sizeof(chunk));
		if (written < 0)
			die("write");
		bytes += written;
	}
	operations = bytes;
}

static void exchange(int fd)
{
	char message[MESSAGE] = "";
	if (write(fd, message, MESSAGE) != MESSAGE || recv(fd, message, MESSAGE, MSG_WAITALL) != MESSAGE)
		die("request");
}

static void rr(void)
{
	int fd = open_socket(SOCK_STREAM, RR_PORT, 1);
	stay_on_first_cpu();
	while (again()) {
		uint64_t start = now_ns();
		exchange(fd);
		took(start);
	}
}

static void crr(void)
{
	stay_on_first_cpu();
	while (again()) {
		uint64_t start = now_ns();
		int fd = open_socket(SOCK_STREAM, CRR_PORT, 1);
		exchange(fd);
		close(fd);
		took(start);
	}
}

static void flood(void)
{
	char message[MESSAGE] = "";
	int fds[FLOWS];
	for (int i = 0; i < FLOWS; i++)
		fds[i] = open_socket(SOCK_DGRAM, FLOOD_PORT, 1);
	while (again())
		send(fds[operations % FLOWS], message, sizeof(message), 0);
}

static void ask(int fd, uint16_t id, uint64_t *asked_ns)
{
	uint8_t query[] = "\0\0\1\0\0\1\0\0\0\0\0\0\4name\7example\3org\0\0\1\0\1";
	query[0] = id >> 8;
	query[1] = id;
	*asked_ns = now_ns();
	send(fd, query, sizeof(query) - 1, 0);
}

/* FLOWS sockets, one query under way on each; at a rate, queries go out round robin and answers are read as they come. */
static void dns(void)
{
	int poll_fd = epoll_create1(0), fds[FLOWS];
	uint64_t asked_ns[FLOWS];
	uint8_t answer[512];
	for (int i = 0; i < FLOWS; i++) {
		fds[i] = open_socket(SOCK_DGRAM, DNS_PORT, 1);
		struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
		epoll_ctl(poll_fd, EPOLL_CTL_ADD, fds[i], &event);
		if (!rate)
			ask(fds[i], i, &asked_ns[i]);
	}
	for (int more = 1; more;) {
		struct epoll_event ready[FLOWS];
		if (rate && (more = again()))
			ask(fds[operations % FLOWS], operations, &asked_ns[operations % FLOWS]);
		int count = epoll_wait(poll_fd, ready, FLOWS, rate ? 0 : 100);
		for (int i = 0; i < count; i++) {
			int flow = ready[i].data.u32;
			if (recv(fds[flow], answer, sizeof(answer), MSG_DONTWAIT) < 0)
				continue;
			took(asked_ns[flow]);
			if (!rate && (more = again()))
				ask(fds[flow], operations, &asked_ns[flow]);
		}
		for (int i = 0; !rate && count == 0 && i < FLOWS; i++) /* every query under way was lost */
			ask(fds[i], i, &asked_ns[i]);
		more = more && now_ns() < end_ns;
	}
}

/* ---- report ---- */

static int ascending(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

static uint32_t percentile(unsigned percent)
{
	return latency_count ? latencies_us[(latency_count - 1) * percent / 100] : 0;
}

static void run(const char *name)
{
	static const struct { const char *name; void (*run)(void); } workloads[] = {
		{"bulk", bulk}, {"rr", rr}, {"crr", crr}, {"flood", flood}, {"dns", dns},
	};
	for (size_t i = 0; i < sizeof(workloads) / sizeof(*workloads); i++)
		if (!strcmp(name, workloads[i].name)) {
			workloads[i].run();
			return;
		}
	fprintf(stderr, "traffic: no workload %s\n", name);
	exit(2);
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	peer.sin_family = AF_INET;
	if (argc < 3 || inet_pton(AF_INET, argv[2], &peer.sin_addr) != 1) {
		fprintf(stderr, "usage: traffic serve ADDRESS | traffic bulk|rr|crr|flood|dns ADDRESS SECONDS [RATE]\n");
		return 2;
	}
	if (!strcmp(argv[1], "serve"))
		serve();
	latencies_us = malloc(MAX_LATENCIES * sizeof(*latencies_us));
	rate = argc > 4 ? strtoull(argv[4], NULL, 10) : 0;
	begin_ns = now_ns();
	end_ns = begin_ns + (argc > 3 ? strtod(argv[3], NULL) : 3) * 1e9;
	run(argv[1]);
	double seconds = (now_ns() - begin_ns) / 1e9;
	qsort(latencies_us, latency_count, sizeof(*latencies_us), ascending);
	printf("{\"operations\":%llu,\"seconds\":%.6f,\"p50\":%u,\"p99\":%u}\n", (unsigned long long)operations, seconds,
	       percentile(50), percentile(99));
}
