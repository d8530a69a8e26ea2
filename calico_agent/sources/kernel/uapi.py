"""The kernel's own numbers and structures, once, under the kernel's names (include/uapi/linux).

A structure is named as in C; what is written `x` in it is of no interest here.
"""

from struct import Struct

# netlink.h
NETLINK_SOCK_DIAG, NETLINK_NETFILTER = 4, 12
NLMSG_NOOP, NLMSG_ERROR, NLMSG_DONE, NLMSG_OVERRUN = 1, 2, 3, 4
NLM_F_REQUEST, NLM_F_DUMP_INTR, NLM_F_DUMP, NLM_F_CREATE = 0x1, 0x10, 0x300, 0x400
NLA_TYPE_MASK = 0x3FFF  # without NLA_F_NESTED and NLA_F_NET_BYTEORDER
NLMSGHDR = Struct("=IHHII")  # length with this header, type, flags, sequence, port
NLATTR = Struct("=HH")  # length with this header, type
NLMSGERR = Struct("=i")  # a negative errno

# rtnetlink.h
RTM_NEWLINK, RTM_GETLINK, RTM_NEWADDR, RTM_GETADDR = 16, 18, 20, 22
RTM_NEWROUTE, RTM_GETROUTE, RTM_NEWNEIGH, RTM_GETNEIGH = 24, 26, 28, 30
RTM_NEWRULE, RTM_GETRULE, RTM_NEWNETCONF, RTM_GETNETCONF, RTM_NEWNEXTHOP, RTM_GETNEXTHOP = 32, 34, 80, 82, 104, 106
RTMSG = Struct("=BBBBBBBBI")  # family, prefix length, source's, tos, table, protocol, scope, type, flags
RTNEXTHOP = Struct("=HBBi")  # length with its attributes, flags, weight - 1, link
RTM_F_CLONED, RTM_F_LOOKUP_TABLE, RTM_F_FIB_MATCH = 0x200, 0x1000, 0x2000
RTNH_F_DEAD, RTNH_F_ONLINK, RTNH_F_LINKDOWN = 1, 4, 16
RTA_DST, RTA_OIF, RTA_GATEWAY, RTA_PRIORITY, RTA_PREFSRC, RTA_MULTIPATH = 1, 4, 5, 6, 7, 9
RTA_TABLE, RTA_VIA, RTA_ENCAP_TYPE, RTA_NH_ID = 15, 18, 21, 30
RTEXT_FILTER_SKIP_STATS = 8

# nexthop.h
NHMSG = Struct("=BBBBI")  # family, scope, protocol, reserved, flags
NEXTHOP_GRP = Struct("=IBBH")  # id, weight - 1, its high byte, reserved
NHA_ID, NHA_GROUP, NHA_OIF, NHA_GATEWAY, NHA_ENCAP_TYPE = 1, 2, 5, 6, 7

# if_link.h, if.h, if_addr.h
IFINFOMSG = Struct("=BxHiII")  # family, device type, link, flags, change mask
IFADDRMSG = Struct("=BBBBI")  # family, prefix length, flags, scope, link
IFLA_EXT_MASK = 29
IFF_UP, IFF_LOOPBACK, IFF_RUNNING = 0x1, 0x8, 0x40
IFA_F_SECONDARY, IFA_F_DEPRECATED, IFA_F_TENTATIVE, IFA_F_PERMANENT = 0x01, 0x20, 0x40, 0x80

# neighbour.h
NDMSG = Struct("=BxxxiHBB")  # family, link, state, flags, type
NDA_DST, NDA_LLADDR, NDA_CACHEINFO = 1, 2, 3
NUD_NONE, NUD_INCOMPLETE, NUD_REACHABLE, NUD_STALE, NUD_DELAY = 0x00, 0x01, 0x02, 0x04, 0x08
NUD_PROBE, NUD_FAILED, NUD_NOARP, NUD_PERMANENT = 0x10, 0x20, 0x40, 0x80
NTF_USE, NTF_ROUTER = 0x01, 0x80

# fib_rules.h
FRA_DST, FRA_SRC, FRA_IIFNAME, FRA_GOTO, FRA_PRIORITY, FRA_FWMARK = 1, 2, 3, 4, 6, 10
FRA_SUPPRESS_PREFIXLEN, FRA_TABLE, FRA_FWMASK, FRA_OIFNAME = 14, 15, 16, 17
FIB_RULE_INVERT = 2

# netconf.h
NETCONFMSG = Struct("=Bxxx")  # family
NETCONFA_IFINDEX, NETCONFA_FORWARDING = 1, 2
NETCONFA_IFINDEX_ALL, NETCONFA_IFINDEX_DEFAULT = 0xFFFFFFFF, 0xFFFFFFFE

# sock_diag.h, inet_diag.h
SOCK_DIAG_BY_FAMILY = 20

# linux/socket.h
AF_BRIDGE = 7
SO_RCVBUFFORCE = 33  # past net.core.rmem_max; needs CAP_NET_ADMIN
