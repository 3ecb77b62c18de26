// A kqueue for Linux, as far as src/node/reactor/poller/kqueue.rs asks for one: over epoll, so that the
// reactor's tests can run over that poller where there is no other (scripts/kqueue.mjs).
//
// What it does is what XNU's bsd/kern/kern_event.c and uipc_socket.c do with EVFILT_READ of a connected
// socket, with two exceptions. Adding what has been added fails here, and changes next to nothing there.
// NOTE_LOWAT is not looked at: where only an end is asked for, any data is told as well.

#include <errno.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <time.h>

enum { EV_DELETE = 0x2, EV_CLEAR = 0x20, EV_EOF = 0x8000, MOST = 256 };

struct kevent {
  uintptr_t ident;
  int16_t filter;
  uint16_t flags;
  uint32_t fflags;
  intptr_t data;
  void *udata;
};

int kqueue(void) {
  return epoll_create1(0);
}

static int change(int queue, const struct kevent *change) {
  int socket = (int)change->ident;
  struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP, .data.ptr = change->udata };
  if (change->flags & EV_CLEAR) event.events |= EPOLLET;
  return epoll_ctl(queue, change->flags & EV_DELETE ? EPOLL_CTL_DEL : EPOLL_CTL_ADD, socket, &event);
}

static struct kevent told(const struct epoll_event *event) {
  struct kevent result = { .filter = -1, .udata = event->data.ptr };
  if (event->events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) result.flags |= EV_EOF;
  // Which error it is, Linux does not tell without taking it from the socket.
  if (event->events & EPOLLERR) result.fflags = ECONNRESET;
  return result;
}

/** Where no events are asked for, the first change that fails ends the call. It never waits. */
int kevent(
  int queue, const struct kevent *changes, int change_count,
  struct kevent *events, int event_count, const struct timespec *timeout
) {
  (void)timeout;
  for (int at = 0; at < change_count; at++) {
    if (change(queue, &changes[at]) != 0) return -1;
  }
  if (event_count == 0) return 0;

  struct epoll_event ready[MOST];
  int count = epoll_wait(queue, ready, event_count < MOST ? event_count : MOST, 0);
  for (int at = 0; at < count; at++) events[at] = told(&ready[at]);
  return count;
}
