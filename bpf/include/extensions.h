/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* The IPv6 extension headers of RFC 8200 §4, and of RFC 4302, 6275, 7401 and 5533. */
#ifndef FOVEA_EXTENSIONS_H
#define FOVEA_EXTENSIONS_H

#include "kernel.h"

#define IPV6_EXTENSIONS_MAX 8
#define TRANSPORT_OFFSET_MAX 0x7fff /* what follows is within a frame, as the verifier must see */

enum { EXT_HOP_BY_HOP = 0, EXT_ROUTING = 43, EXT_FRAGMENT = 44, EXT_AUTHENTICATION = 51, EXT_DESTINATION = 60,
       EXT_MOBILITY = 135, EXT_HIP = 139, EXT_SHIM6 = 140 };

/* What a walk over the chain found: `protocol` of the header at `offset`. */
struct chain {
	__u16 offset;   /* 0: a later fragment, which has no transport header */
	__u8 protocol;
	__u8 broken;    /* cut, or longer than IPV6_EXTENSIONS_MAX */
};

/* Bytes for each unit of the header's length byte beyond the first eight; -1: not an extension header. */
static __always_inline int extension_unit(__u8 protocol)
{
	switch (protocol) {
	case EXT_HOP_BY_HOP: case EXT_ROUTING: case EXT_DESTINATION: case EXT_MOBILITY: case EXT_HIP: case EXT_SHIM6:
		return 8;
	case EXT_AUTHENTICATION:
		return 4;
	case EXT_FRAGMENT:
		return 0;
	default:
		return -1;
	}
}

/* `copy(source, offset, to, size)` is 0 when it could. `end`: of the packet; `chain`: the first header. */
#define WALK_EXTENSIONS(chain, source, end, copy) \
	for (int i = 0; i < IPV6_EXTENSIONS_MAX + 1; i++) { \
		int unit = extension_unit((chain).protocol); \
		__u8 header[8]; \
		if (unit < 0) \
			break; \
		(chain).broken = i == IPV6_EXTENSIONS_MAX || (chain).offset + sizeof(header) > (end) || \
				 copy(source, (chain).offset, header, sizeof(header)); \
		if ((chain).broken) \
			break; \
		(chain).protocol = header[0]; \
		if (!unit && (header[2] | (header[3] & 0xf8))) { \
			(chain).offset = 0; \
			break; \
		} \
		(chain).offset += sizeof(header) + header[1] * unit; \
	}

#endif
