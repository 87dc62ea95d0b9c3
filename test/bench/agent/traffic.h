/* SPDX-License-Identifier: Apache-2.0 */
/* What the clients (traffic.c) and servers (serve.c) of the agent bench share. */
#ifndef FOVEA_TRAFFIC_H
#define FOVEA_TRAFFIC_H

enum { BULK_PORT = 5001, RR_PORT, CRR_PORT, FLOOD_PORT, DNS_PORT = 53 };
enum { MESSAGE = 64, CHUNK = 65536 };

/* Prints what failed, with errno, and exits. */
void die(const char *what);

/* A socket to (client) or at the address of the command line; exits where that fails. */
int open_socket(int type, int port, int client);

void stay_on_first_cpu(void);

/* Answers every workload; returns only when the process is killed. */
void serve(void);

#endif
