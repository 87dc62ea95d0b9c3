/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* Tracepoints see every network namespace; the numbers of interfaces are known in the agent's own only. */
#ifndef FOVEA_NAMESPACE_H
#define FOVEA_NAMESPACE_H

#include "kernel.h"

/* Inode of /proc/self/ns/net; 0 = take every namespace for the agent's. */
volatile const __u32 cfg_network_namespace = 0;

static __always_inline bool is_own_namespace(const struct net *net)
{
	return !cfg_network_namespace || BPF_CORE_READ(net, ns.inum) == cfg_network_namespace;
}

#endif
