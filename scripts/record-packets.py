#!/usr/bin/env python3
"""Records packets of interfaces, and those netfilter logs, into a pcapng file until SIGTERM.

usage: record-packets.py FILE NFLOG_GROUP INTERFACE...

Packet sockets tell the direction (epb_flags); NFLOG packets carry the prefix of the rule that logged them
(LINKTYPE_NFLOG), which tells a drop. Needs root, or CAP_NET_RAW and CAP_NET_ADMIN. Only the standard library.
"""
import selectors
import signal
import socket
import struct
import sys
import time

SNAP = 400
ETHERNET, NFLOG = 1, 239
INBOUND, OUTBOUND = 1, 2
SO_TIMESTAMPNS = 35
NETLINK_NETFILTER = 12
NFNL_SUBSYS_ULOG = 4


def option(code, value):
    return struct.pack('<HH', code, len(value)) + value + b'\0' * (-len(value) % 4)


def block(kind, body):
    length = 12 + len(body)
    return struct.pack('<II', kind, length) + body + struct.pack('<I', length)


def section():
    return block(0x0A0D0D0A, struct.pack('<IHHq', 0x1A2B3C4D, 1, 0, -1))


def interface(name, link):
    options = option(2, name.encode()) + option(9, b'\x09') + option(0, b'')
    return block(1, struct.pack('<HHI', link, 0, SNAP) + options)


def packet(number, ns, data, wire, direction):
    data = data[:SNAP]
    head = struct.pack('<IIIII', number, ns >> 32, ns & 0xFFFFFFFF, len(data), wire)
    flags = option(2, struct.pack('<I', direction)) + option(0, b'') if direction else b''
    return block(6, head + data + b'\0' * (-len(data) % 4) + flags)


def open_interface(name):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    sock.bind((name, 3))
    return sock


def open_nflog(group):
    """Binds to the group and asks for whole packets (linux/netfilter/nfnetlink_log.h)."""
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
    sock.bind((0, 0))
    command = struct.pack('<HHB3x', 5, 1, 1)
    mode = struct.pack('<HHIBx', 10, 2, socket.htonl(SNAP), 2) + b'\0\0'
    for attributes in (command, mode):
        body = struct.pack('>BBH', 0, 0, group) + attributes
        sock.send(struct.pack('<IHHII', 16 + len(body), NFNL_SUBSYS_ULOG << 8 | 1, 1, 0, 0) + body)
    return sock


def receive_packet(sock):
    data, ancillary, _, address = sock.recvmsg(65536, 64)
    ns = time.time_ns()
    for _, kind, value in ancillary:
        if kind == SO_TIMESTAMPNS:
            seconds, nanos = struct.unpack('qq', value)
            ns = seconds * 1_000_000_000 + nanos
    return ns, data, OUTBOUND if address[2] == socket.PACKET_OUTGOING else INBOUND


def receive_nflog(sock):
    """The messages of one datagram, each as the bytes LINKTYPE_NFLOG has: header and attributes."""
    ns = time.time_ns()
    data = sock.recv(65536)
    while len(data) >= 16:
        length, kind = struct.unpack_from('<IH', data)
        if kind == NFNL_SUBSYS_ULOG << 8:
            yield ns, data[16:length]
        data = data[(length + 3) & ~3:]


def main():
    path, group, names = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    selector = selectors.DefaultSelector()
    for number, name in enumerate(names):
        selector.register(open_interface(name), selectors.EVENT_READ, number)
    selector.register(open_nflog(group), selectors.EVENT_READ, None)
    stopped = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
    print('recording', flush=True)
    packets = []
    while not stopped:
        for key, _ in selector.select(0.2):
            if key.data is None:
                packets += [(ns, packet(len(names), ns, data, len(data), 0)) for ns, data in receive_nflog(key.fileobj)]
            else:
                ns, data, direction = receive_packet(key.fileobj)
                packets.append((ns, packet(key.data, ns, data, len(data), direction)))
    packets.sort(key=lambda entry: entry[0])
    with open(path, 'wb') as file:
        file.write(section())
        for name in names:
            file.write(interface(name, ETHERNET))
        file.write(interface('netfilter', NFLOG))
        file.write(b''.join(data for _, data in packets))


main()
