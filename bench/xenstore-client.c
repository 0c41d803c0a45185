/*
 * A XenStore client that measures the daemon it is connected to, with as little of its own as C allows.
 *
 *   xenstore-client SOCKET rate COUNT      requests a second: reads one by one, writes one by one, reads 16 at a time
 *   xenstore-client SOCKET watch WATCHES   microseconds from a write to its event, with so many watches set: the
 *                                          median of 200 and the worst
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { READ = 2, WATCH = 4, WRITE = 11, WATCH_EVENT = 15, AT_A_TIME = 16, ROUNDS = 200 };

struct message {
	uint32_t type, req_id, tx_id, len;
	char payload[4096];
};

static int fd;

static void fail(const char *what)
{
	fprintf(stderr, "xenstore-client: %s\n", what);
	exit(1);
}

static double seconds(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

static void receive_bytes(void *to, size_t length)
{
	for (char *at = to; length > 0;) {
		ssize_t count = read(fd, at, length);

		if (count <= 0)
			fail("the daemon is gone");
		at += count;
		length -= count;
	}
}

/* libxenstore reads like this too: the header, then what it announces. */
static void receive(struct message *message)
{
	receive_bytes(message, 16);
	if (message->len > sizeof(message->payload))
		fail("a message that is too long");
	if (message->len > 0)
		receive_bytes(message->payload, message->len);
}

static void request(uint32_t type, const char *payload, uint32_t length)
{
	struct message message = { .type = type, .req_id = type, .len = length };

	memcpy(message.payload, payload, length);
	if (write(fd, &message, 16 + length) != (ssize_t)(16 + length))
		fail("cannot send");
}

static void expect(uint32_t type)
{
	struct message message;

	receive(&message);
	if (message.type != type || (type != WATCH_EVENT && message.req_id != type))
		fail("not the reply that was expected");
}

static void rate(int count)
{
	static const char path[] = "/bench/node", value[] = "/bench/node\0hello";
	double start, reads, writes, many;

	request(WRITE, value, sizeof(value) - 1);
	expect(WRITE);
	for (int i = 0; i < count / 10; i++) {
		request(READ, path, sizeof(path));
		expect(READ);
	}
	start = seconds();
	for (int i = 0; i < count; i++) {
		request(READ, path, sizeof(path));
		expect(READ);
	}
	reads = count / (seconds() - start);
	start = seconds();
	for (int i = 0; i < count; i++) {
		request(WRITE, value, sizeof(value) - 1);
		expect(WRITE);
	}
	writes = count / (seconds() - start);
	start = seconds();
	for (int i = 0; i < count; i += AT_A_TIME) {
		for (int j = 0; j < AT_A_TIME; j++)
			request(READ, path, sizeof(path));
		for (int j = 0; j < AT_A_TIME; j++)
			expect(READ);
	}
	many = count / (seconds() - start);
	printf("%.0f %.0f %.0f\n", reads, writes, many);
}

static int ascending(const void *a, const void *b)
{
	return (*(double *)a > *(double *)b) - (*(double *)a < *(double *)b);
}

static void watch(int watches)
{
	double times[ROUNDS];
	char payload[64];

	for (int i = 0; i < watches; i++) {
		request(WATCH, payload, sprintf(payload, "/bench/watch/%d%ctoken%d", i, 0, i) + 1);
		expect(WATCH);
		expect(WATCH_EVENT);
	}
	for (int i = 0; i < ROUNDS; i++) {
		double start = seconds();
		struct message message;

		request(WRITE, payload, sprintf(payload, "/bench/watch/%d%cx", i * (watches / ROUNDS), 0));
		/* The event overtakes the reply of what caused it. */
		receive(&message);
		times[i] = (seconds() - start) * 1e6;
		if (message.type != WATCH_EVENT)
			fail("no event");
		expect(WRITE);
	}
	qsort(times, ROUNDS, sizeof(times[0]), ascending);
	printf("%.0f %.0f\n", times[ROUNDS / 2], times[ROUNDS - 1]);
}

int main(int argc, char **argv)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (argc != 4 || strlen(argv[1]) >= sizeof(address.sun_path))
		fail("usage: SOCKET rate COUNT | SOCKET watch WATCHES");
	strcpy(address.sun_path, argv[1]);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		fail("cannot connect");
	if (strcmp(argv[2], "rate") == 0)
		rate(atoi(argv[3]));
	else
		watch(atoi(argv[3]));
	return 0;
}
