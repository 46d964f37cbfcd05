// datagrams HOST PORT PER_SECOND SECONDS SIZE
// Sends syslog messages of SIZE bytes as datagrams, evenly: each millisecond those that are due. What the machine has held up is
// made up for no faster than at twice the rate, so that no burst is larger than the rate explains. Prints one JSON line.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

enum { BURST_MAX = 1024 };

static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + t.tv_nsec / 1e9; }

int main(int argc, char **argv) {
  if (argc < 6) { fprintf(stderr, "datagrams HOST PORT PER_SECOND SECONDS SIZE\n"); return 2; }
  double rate = atof(argv[3]), seconds = atof(argv[4]);
  size_t size = strtoul(argv[5], 0, 10);
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
  inet_pton(AF_INET, argv[1], &at.sin_addr);
  int s = socket(AF_INET, SOCK_DGRAM, 0);
  if (connect(s, (void *)&at, sizeof at)) { perror("connect"); return 1; }

  const char *head = "<13>1 2026-01-01T00:00:00.000Z host app 1 - - ";
  char *text = malloc(size);
  memset(text, 'x', size);
  memcpy(text, head, strlen(head) < size ? strlen(head) : size);
  struct iovec body = {.iov_base = text, .iov_len = size};
  static struct mmsghdr messages[BURST_MAX];
  for (int i = 0; i < BURST_MAX; i++) messages[i].msg_hdr = (struct msghdr){.msg_iov = &body, .msg_iovlen = 1};

  int burst = rate / 1000 * 2;
  if (burst < 1) burst = 1;
  if (burst > BURST_MAX) burst = BURST_MAX;
  long long sent = 0, wanted = rate * seconds;
  int largest = 0;
  double t0 = now();
  struct timespec next;
  clock_gettime(CLOCK_MONOTONIC, &next);
  while (sent < wanted) {
    if ((next.tv_nsec += 1000000) >= 1000000000) { next.tv_nsec -= 1000000000; next.tv_sec++; }
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, 0);
    long long due = (now() - t0) * rate - sent;
    if (due > wanted - sent) due = wanted - sent;
    if (due > burst) { due = burst; clock_gettime(CLOCK_MONOTONIC, &next); }
    for (long long left = due; left > 0;) {
      int n = sendmmsg(s, messages, left, 0);
      if (n < 0) { perror("sendmmsg"); return 1; }
      left -= n;
      sent += n;
    }
    if (due > largest) largest = due;
  }
  double t = now() - t0;
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  double cpu = u.ru_utime.tv_sec + u.ru_stime.tv_sec + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
  printf("{\"datagrams\":%lld,\"largest_burst\":%d,\"seconds\":%.3f,\"client_cpu_s\":%.2f}\n", sent, largest, t, cpu);
  return 0;
}
