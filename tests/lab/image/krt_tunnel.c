/* What Calico's BIRD has and Debian's has not: `krt_tunnel`, the attribute of routes whose packets go by tunl0
 * (sysdep/linux/netlink.c of projectcalico/bird). This library comes before libc in BIRD (LD_PRELOAD), and stands between
 * it and the kernel's routes. The attribute that Debian's BIRD does have says it instead: a route that is to be written
 * with the preferred source X goes to the next hop X, behind tunl0, which need not be on that link ("onlink").
 *
 * When BIRD reads the kernel's routes it finds there the next hop that it meant itself, and leaves them alone.
 */

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;

/* linux/netlink.h, linux/rtnetlink.h */
struct message { u32 length; u16 type, flags; u32 sequence, port; u8 family, bits, from_bits, tos, table, protocol, scope, kind; u32 route_flags; };
struct attribute { u16 length, type; u32 value; };
enum { NEW_ROUTE = 24, INET = 2, NETLINK = 16, BY_BIRD = 12, ONLINK = 4 };
enum { NOTHING = 0, DESTINATION = 1, LINK = 4, GATEWAY = 5, SOURCE = 7 };

/* sys/socket.h of a machine of 64 bits */
struct header { void *name; u32 name_length; struct { char *base; unsigned long length; } *parts; };

extern void *dlsym(void *, const char *);
extern u32 if_nametoindex(const char *);
static void *const next = (void *) -1;

/* What was meant and what was written instead, by destination. */
static struct { u32 destination, bits, meant, written; } routes[256];
static u32 count;

static struct attribute *find(struct message *message, u16 type)
{
	char *at = (char *) (message + 1), *end = (char *) message + message->length;
	while (at + 8 <= end) {
		struct attribute *attribute = (struct attribute *) at;
		if (attribute->type == type && attribute->length == 8)
			return attribute;
		if (attribute->length < 4)
			break;
		at += (attribute->length + 3) & ~3;
	}
	return 0;
}

static int is_route(struct message *message, long length)
{
	return length >= (long) sizeof *message && message->length <= length && message->type == NEW_ROUTE
	       && message->family == INET && message->protocol == BY_BIRD && find(message, DESTINATION);
}

static u32 place_of(struct message *message)
{
	u32 destination = find(message, DESTINATION)->value, place = 0;
	while (place < count && (routes[place].destination != destination || routes[place].bits != message->bits))
		place++;
	return place;
}

static void into_tunnel(struct message *message)
{
	struct attribute *source = find(message, SOURCE), *gateway = find(message, GATEWAY), *link = find(message, LINK);
	if (!source || !gateway || !link)
		return;
	u32 place = place_of(message);
	if (place < sizeof routes / sizeof *routes) {
		routes[place].destination = find(message, DESTINATION)->value;
		routes[place].bits = message->bits;
		routes[place].meant = gateway->value;
		routes[place].written = source->value;
		count += place == count;
	}
	gateway->value = source->value;
	link->value = if_nametoindex("tunl0");
	message->route_flags |= ONLINK;
	source->type = NOTHING;
}

static void out_of_tunnel(struct message *message)
{
	struct attribute *gateway = find(message, GATEWAY);
	u32 place = place_of(message);
	if (gateway && place < count && gateway->value == routes[place].written)
		gateway->value = routes[place].meant;
}

long sendto(int socket, void *message, unsigned long length, int flags, const u16 *to, u32 to_length)
{
	long (*send)(int, void *, unsigned long, int, const u16 *, u32) = dlsym(next, "sendto");
	if (to && *to == NETLINK && is_route(message, length))
		into_tunnel(message);
	return send(socket, message, length, flags, to, to_length);
}

long recvmsg(int socket, struct header *header, int flags)
{
	long (*receive)(int, struct header *, int) = dlsym(next, "recvmsg");
	long left = receive(socket, header, flags);
	if (left > 0 && header->name && *(u16 *) header->name == NETLINK) {
		char *at = header->parts->base;
		for (long rest = left; rest >= 16;) {
			struct message *message = (struct message *) at;
			if (is_route(message, rest))
				out_of_tunnel(message);
			if (message->length < 16)
				break;
			at += (message->length + 3) & ~3, rest -= (message->length + 3) & ~3;
		}
	}
	return left;
}
