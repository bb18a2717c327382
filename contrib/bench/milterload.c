/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * milterload: load generator for a milter. It plays the MTA's side of the
 * milter protocol (version 6) on many connections at once, in one epoll loop,
 * and prints one line of JSON.
 *
 * Like Postfix it offers every action and protocol option, leaves out the
 * stages the milter asked not to see (SMFIP_NO*) but for their macros, does not
 * wait for a reply where the milter said it sends none (SMFIP_NR_*), sends only
 * the macros the milter asked for (an empty list means the default ones), and
 * keeps what it writes until it has to read.
 *
 *   cc -O2 -Wall -o milterload milterload.c
 *   ./milterload -c 64 -n 20000 inet:8891@127.0.0.1
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define ALL_ACTIONS 0x000001FFu
#define ALL_PROTO 0x001FFFFFu
#define LOGINS 20000 /* %d in a login counts to here, and begins anew */

enum stage { S_OPTNEG, S_CONNECT, S_HELO, S_MAIL, S_RCPT, S_DATA, S_HEADER, S_EOH, S_BODY, S_EOM, S_END };

/* For each stage: the command letter, the bit that leaves it out, the bit that
 * takes its reply away, and its place in the milter's macro lists (or -1). */
static const struct { char cmd; uint32_t no, nr; int place; } step[] = {
    [S_OPTNEG] = {'O', 0, 0, -1},
    [S_CONNECT] = {'C', 0x000001, 0x001000, 0},
    [S_HELO] = {'H', 0x000002, 0x002000, 1},
    [S_MAIL] = {'M', 0x000004, 0x004000, 2},
    [S_RCPT] = {'R', 0x000008, 0x008000, 3},
    [S_DATA] = {'T', 0x000200, 0x010000, 4},
    [S_HEADER] = {'L', 0x000020, 0x000080, -1},
    [S_EOH] = {'N', 0x000040, 0x040000, 6},
    [S_BODY] = {'B', 0x000010, 0x080000, -1},
    [S_EOM] = {'E', 0, 0, 5},
};

struct conn {
    int fd, connected, held, dead;
    enum stage stage;              /* the stage to send next, or waiting for */
    uint32_t proto;
    long session;
    int message, rcpt, in_message, header, chunk;
    uint64_t t_session, t_cmd;
    char *symlist[7];              /* macros the milter asked for, by place */
    char *out;
    size_t outlen, outoff, outcap;
    char in[16384];
    size_t inlen, skip;
};

/* Options. */
static int concurrency = 1, rcpts = 1, messages = 1, reuse, body = -1, hold, limit = 300, headers = 10;
static long sessions = 1000;
static double seconds;             /* begin no session after this time; 0: no such limit */
static double rate;                /* sessions that begin in a second, whatever became of others; 0: as many as can */
static const char *client_ip = "192.0.2.%d", *auth = "", *rcpt_pattern = "user%d@example.org";
static const char *from = "sender@example.net", *expect = "";

static struct sockaddr_storage addr;
static socklen_t addrlen;
static int ep;
static uint64_t begun;
static long started, finished, permits, rejects, tempfails, errors, retries, rcpt_total, connects;
static long retry_head, retry_tail;
static struct conn **retry_queue, **idle; /* idle: those for whom no session is due yet */
static int idles;
static int held;
static uint32_t *lat_rcpt, *lat_session; /* tenths of a microsecond */
static long n_rcpt, n_session;

static void advance(struct conn *c);
static void open_session(struct conn *c);

static void die(const char *what) { fprintf(stderr, "milterload: %s: %s\n", what, strerror(errno)); exit(2); }

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + t.tv_nsec;
}

/* Choose the n-th of a comma-separated list and put n in place of each %d. */
static const char *expand(const char *pattern, long n, long modulus, char *to, size_t size) {
    const char *item = pattern, *p;
    long items = 1;
    for (p = pattern; *p; p++) items += *p == ',';
    for (long i = n % items; i > 0; i--) item = strchr(item, ',') + 1;
    char *q = to;
    for (p = item; *p && *p != ',' && (size_t)(q - to) < size - 24; p++) {
        if (p[0] == '%' && p[1] == 'd') {
            q += sprintf(q, "%ld", modulus ? n % modulus + 1 : n);
            p++;
        } else *q++ = *p;
    }
    *q = 0;
    return to;
}

static void put(struct conn *c, const void *data, size_t n) {
    if (c->outlen + n > c->outcap) {
        c->outcap = (c->outlen + n) * 2;
        if (!(c->out = realloc(c->out, c->outcap))) die("realloc");
    }
    memcpy(c->out + c->outlen, data, n);
    c->outlen += n;
}

static void packet(struct conn *c, char cmd, const void *data, size_t n) {
    uint32_t len = htonl(n + 1);
    put(c, &len, 4);
    put(c, &cmd, 1);
    put(c, data, n);
}

static int wanted(const char *list, const char *name) {
    if (!list) return 1;
    size_t n = strlen(name);
    for (const char *p = list; (p = strstr(p, name)); p += n)
        if ((p == list || p[-1] == ' ' || p[-1] == ',') && (!p[n] || p[n] == ' ' || p[n] == ',')) return 1;
    return 0;
}

/* The macros Postfix sends before a stage, less those the milter does not want. */
static void macros(struct conn *c, enum stage s, const char *rcpt) {
    const char *m[16];
    char ip[64], login[300];
    int n = 0, place = step[s].place;
    if (place < 0) return;
    expand(auth, c->session, LOGINS, login, sizeof login);
#define MACRO(name, value) do { m[n++] = name; m[n++] = value; } while (0)
    if (s == S_CONNECT) {
        MACRO("j", "mx.example.org");
        MACRO("{daemon_name}", "mx.example.org");
        MACRO("{daemon_addr}", "127.0.0.1");
        MACRO("v", "Postfix 3.7.11");
    } else if (s == S_MAIL) {
        if (*auth) { MACRO("{auth_type}", "PLAIN"); MACRO("{auth_authen}", login); }
        MACRO("{mail_addr}", from);
        MACRO("{mail_host}", "example.net");
        MACRO("{mail_mailer}", "smtp");
    } else if (s == S_RCPT) {
        /* Only on request: an MTA gives a login at every stage from MAIL on. */
        if (*auth && c->symlist[place]) { MACRO("{auth_type}", "PLAIN"); MACRO("{auth_authen}", login); }
        MACRO("{rcpt_addr}", rcpt);
        if (c->symlist[place]) MACRO("{client_addr}", expand(client_ip, c->session, 254, ip, sizeof ip));
        MACRO("{rcpt_host}", "example.org");
        MACRO("{rcpt_mailer}", "smtp");
    } else if (s != S_HELO) MACRO("i", "4XyZ1234567890");
    char buf[2048], *p = buf;
    *p++ = step[s].cmd;
    for (int i = 0; i < n; i += 2) {
        if (!wanted(c->symlist[place], m[i]) || (p - buf) + strlen(m[i]) + strlen(m[i + 1]) + 2 > sizeof buf) continue;
        p = stpcpy(p, m[i]) + 1;
        p = stpcpy(p, m[i + 1]) + 1;
    }
    packet(c, 'D', buf, p - buf);
}

static void watch(struct conn *c, uint32_t events) {
    struct epoll_event e = {.events = events, .data.ptr = c};
    if (epoll_ctl(ep, EPOLL_CTL_MOD, c->fd, &e)) die("epoll_ctl");
}

static void flush(struct conn *c) {
    while (c->outoff < c->outlen) {
        ssize_t n = send(c->fd, c->out + c->outoff, c->outlen - c->outoff, MSG_NOSIGNAL);
        if (n < 0) {
            if (errno == EAGAIN) { watch(c, EPOLLIN | EPOLLOUT); return; }
            c->dead = 1;
            return;
        }
        c->outoff += n;
    }
    c->outoff = c->outlen = 0;
}

static void close_conn(struct conn *c) {
    if (c->fd >= 0) close(c->fd);
    c->fd = -1;
    c->inlen = c->outlen = c->outoff = c->skip = 0;
    for (int i = 0; i < 7; i++) { free(c->symlist[i]); c->symlist[i] = NULL; }
}

/* Is another session to begin? */
static int more(void) { return started < sessions && (!seconds || now() - begun < seconds * 1e9); }

/* When the next session is to begin. */
static uint64_t due(void) { return begun + (uint64_t)(started * 1e9 / rate); }

/* Begin another session here, now or when it is due. */
static void next_session(struct conn *c) {
    if (rate) idle[idles++] = c;
    else open_session(c);
}

/* The session is over; begin another on this slot if there are any left. */
static void end_session(struct conn *c, int failed) {
    int go_on = more();
    if (failed) { errors++; close_conn(c); }
    else {
        if (c->in_message) packet(c, 'A', "", 0);
        packet(c, reuse && go_on ? 'K' : 'Q', "", 0);
        if (!(reuse && go_on)) { flush(c); close_conn(c); }
        lat_session[n_session++] = (now() - c->t_session) / 100;
    }
    finished++;
    if (go_on || rate) next_session(c);
}

static void verdict(long *counter, long n) { *counter += n; rcpt_total += n; }

static void try_connect(struct conn *c) {
    c->fd = socket(addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0) die("socket");
    if (addr.ss_family != AF_UNIX) setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    int r = connect(c->fd, (struct sockaddr *)&addr, addrlen);
    if (r && errno == EAGAIN) { /* the backlog of a unix socket is full */
        close(c->fd);
        c->fd = -1;
        retries++;
        retry_queue[retry_tail++ % (concurrency + 1)] = c;
        return;
    }
    if (r && errno != EINPROGRESS) die("connect");
    connects++;
    c->connected = !r;
    struct epoll_event e = {.events = r ? EPOLLOUT : EPOLLIN, .data.ptr = c};
    if (epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &e)) die("epoll_ctl");
    if (!r) advance(c);
}

static void open_session(struct conn *c) {
    c->t_session = rate ? due() : now(); /* who has to wait for a connection waits, too */
    c->session = started++;
    c->message = c->rcpt = c->in_message = c->dead = 0;
    c->stage = c->fd < 0 ? S_OPTNEG : S_CONNECT;
    if (c->fd < 0) try_connect(c);
    else advance(c);
}

/* Put one stage's macros and command in the output buffer; of a skipped stage only the macros. */
static void send_stage(struct conn *c, int skipped) {
    char buf[1200], tmp[600], *p = buf;
    enum stage s = c->stage;
    if (s == S_OPTNEG) {
        uint32_t v[3] = {htonl(6), htonl(ALL_ACTIONS), htonl(ALL_PROTO)};
        packet(c, 'O', v, sizeof v);
        return;
    }
    if (s == S_CONNECT) {
        expand(client_ip, c->session, 254, tmp, sizeof tmp);
        p = stpcpy(p, "client.example.net") + 1;
        *p++ = strchr(tmp, ':') ? '6' : '4';
        uint16_t port = htons(1024 + c->session % 60000);
        memcpy(p, &port, 2);
        p = stpcpy(p + 2, tmp) + 1;
    } else if (s == S_HELO) p = stpcpy(p, "client.example.net") + 1;
    else if (s == S_MAIL) p += sprintf(p, "<%s>", from) + 1;
    else if (s == S_RCPT) {
        long n = (c->session * messages + c->message) * rcpts + c->rcpt;
        p += sprintf(p, "<%s>", expand(rcpt_pattern, n, 0, tmp, sizeof tmp)) + 1;
    } else if (s == S_HEADER) {
        p += sprintf(p, "X-Header-%d", c->header) + 1;
        p = stpcpy(p, "some header value of an ordinary length") + 1;
    }
    macros(c, s, tmp);
    if (skipped) return;
    if (s == S_BODY) {
        static char chunk[65535];
        if (!chunk[0]) memset(chunk, 'x', sizeof chunk);
        int left = body - c->chunk * 65535;
        packet(c, 'B', chunk, left > 65535 ? 65535 : left);
        return;
    }
    packet(c, step[s].cmd, buf, p - buf);
}

/* What follows a stage that the milter let pass. */
static enum stage following(struct conn *c) {
    switch (c->stage) {
    case S_MAIL: c->in_message = 1; c->rcpt = 0; return rcpts ? S_RCPT : S_END;
    case S_RCPT: return ++c->rcpt < rcpts ? S_RCPT : body < 0 ? S_END : S_DATA;
    case S_DATA: c->header = 0; return headers ? S_HEADER : S_EOH;
    case S_HEADER: return ++c->header < headers ? S_HEADER : S_EOH;
    case S_EOH: c->chunk = 0; return body ? S_BODY : S_EOM;
    case S_BODY: return ++c->chunk * 65535 < body ? S_BODY : S_EOM;
    case S_EOM: c->in_message = 0; return S_END;
    default: return c->stage + 1;
    }
}

/* Send stages up to the next one that has a reply. */
static void advance(struct conn *c) {
    for (;;) {
        if (c->stage == S_END) {
            if (hold && !c->held) { c->held = 1; held++; flush(c); return; }
            if (++c->message < messages) {
                if (c->in_message) packet(c, 'A', "", 0);
                c->in_message = 0;
                c->stage = S_MAIL;
            } else { end_session(c, 0); return; }
        }
        uint32_t p = c->stage == S_OPTNEG ? 0 : c->proto;
        int silent = (p & (step[c->stage].no | step[c->stage].nr)) != 0;
        send_stage(c, (p & step[c->stage].no) != 0);
        if (!silent) {
            c->t_cmd = now();
            flush(c);
            return;
        }
        if (c->stage == S_RCPT) verdict(&permits, 1);
        c->stage = following(c);
    }
}

static void negotiated(struct conn *c, const char *d, size_t n) {
    uint32_t v[3];
    if (n < sizeof v) { c->dead = 1; return; }
    memcpy(v, d, sizeof v);
    c->proto = ntohl(v[2]);
    for (size_t i = sizeof v; i + 5 <= n;) {
        uint32_t place;
        memcpy(&place, d + i, 4);
        size_t len = strnlen(d + i + 4, n - i - 4);
        if (len && ntohl(place) < 7) c->symlist[ntohl(place)] = strndup(d + i + 4, len);
        i += 4 + len + 1;
    }
}

static void reply(struct conn *c, char cmd, const char *d, size_t n) {
    enum stage s = c->stage;
    if (s == S_OPTNEG) {
        if (cmd != 'O') { c->dead = 1; return; }
        negotiated(c, d, n);
        c->stage = S_CONNECT;
        advance(c);
        return;
    }
    if (strchr("+-2behimplq", cmd)) return; /* a change or progress: not the last reply */
    if (s == S_RCPT) lat_rcpt[n_rcpt++] = (now() - c->t_cmd) / 100;
    long *bad = cmd == 'r' || cmd == 'd' || (cmd == 'y' && d[0] == '5') ? &rejects
              : cmd == 't' || cmd == 'f' || cmd == '4' || (cmd == 'y' && d[0] == '4') ? &tempfails : NULL;
    long rest = (long)rcpts * (messages - c->message) - (c->in_message ? c->rcpt : 0);
    if (bad && s == S_RCPT) verdict(bad, 1);
    else if (bad && s == S_MAIL) { verdict(bad, rcpts); c->stage = S_END; advance(c); return; }
    else if (bad) { if (s < S_RCPT) verdict(bad, rest); end_session(c, 0); return; }
    else if (cmd == 'a' && s < S_MAIL) { verdict(&permits, rest); end_session(c, 0); return; }
    else if (cmd == 'a') { verdict(&permits, s > S_RCPT ? 0 : rcpts - c->rcpt); c->in_message = 0; c->stage = S_END; advance(c); return; }
    else if (s == S_RCPT) verdict(&permits, 1);
    if (cmd == 's' && s == S_BODY) c->chunk = body / 65535; /* skip the rest */
    c->stage = following(c);
    advance(c);
}

static void readable(struct conn *c) {
    ssize_t n = recv(c->fd, c->in + c->inlen, sizeof c->in - c->inlen, 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) { end_session(c, 1); return; }
    c->inlen += n;
    size_t off = 0;
    while (c->fd >= 0 && c->inlen - off >= 4 && !c->dead) {
        uint32_t len;
        memcpy(&len, c->in + off, 4);
        len = ntohl(len);
        if (!len || len + 4 > sizeof c->in) { c->dead = 1; break; }
        if (c->inlen - off < len + 4) break;
        char *at = c->in + off;
        off += len + 4;
        int fd = c->fd;
        reply(c, at[4], at + 5, len - 1);
        if (c->fd != fd || !c->inlen) return; /* another session began */
    }
    if (c->dead) { end_session(c, 1); return; }
    memmove(c->in, c->in + off, c->inlen - off);
    c->inlen -= off;
}

static int by_value(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static double at(const uint32_t *v, long n, double q) { return n ? v[(long)((n - 1) * q)] / 10.0 : 0; }

static void parse_address(const char *s) {
    if (!strncmp(s, "unix:", 5) || !strncmp(s, "local:", 6) || *s == '/') {
        struct sockaddr_un *u = (void *)&addr;
        u->sun_family = AF_UNIX;
        snprintf(u->sun_path, sizeof u->sun_path, "%s", *s == '/' ? s : strchr(s, ':') + 1);
        addrlen = sizeof *u;
        return;
    }
    char port[16], host[256] = "127.0.0.1";
    struct addrinfo *r, hint = {.ai_socktype = SOCK_STREAM, .ai_family = *s == 'i' && s[4] == '6' ? AF_INET6 : AF_UNSPEC};
    const char *p = strchr(s, ':');
    if (strncmp(s, "inet", 4) || !p || sscanf(p + 1, "%15[^@]@%255s", port, host) < 1) { errno = EINVAL; die(s); }
    if (getaddrinfo(host, port, &hint, &r)) { errno = EINVAL; die(s); }
    memcpy(&addr, r->ai_addr, addrlen = r->ai_addrlen);
    freeaddrinfo(r);
}

static void usage(void) {
    fprintf(stderr, "usage: milterload [options] unix:PATH | inet:PORT@HOST\n"
        "  -c N            connections at once (1)\n"
        "  -n N            sessions in all (1000)\n"
        "  -t SECONDS      begin no session after that time (-n is then a limit, 200000 if not given)\n"
        "  -r N            recipients per message (1)\n"
        "  -m N            messages per session (1)\n"
        "  -b BYTES        also send DATA, headers, a body of BYTES and EOM; else ABORT\n"
        "  --headers N     headers with -b (10)\n"
        "  --client-ip P   client address (192.0.2.%%d); a comma-separated list takes turns\n"
        "  --rcpt P        recipient (user%%d@example.org); %%d counts up\n"
        "  --from ADDR     sender\n"
        "  --auth LOGIN    send {auth_authen}; %%d counts\n"
        "  --reuse         keep the connection for the next session (QUIT_NC)\n"
        "  --rate N        begin N sessions in a second, and no more; -c is then a limit\n"
        "  --hold S        keep all -c sessions open for S seconds after the recipients\n"
        "  --expect V      permit, reject or tempfail: exit 1 on any other verdict\n"
        "  --limit S       give up after S seconds (300)\n");
    exit(2);
}

/* Read the command line into the options above. */
static void options(int argc, char **argv) {
    static const struct option longopts[] = {
        {"client-ip", 1, 0, 'I'}, {"rcpt", 1, 0, 'R'}, {"from", 1, 0, 'F'}, {"auth", 1, 0, 'A'}, {"reuse", 0, 0, 'K'},
        {"hold", 1, 0, 'H'}, {"expect", 1, 0, 'E'}, {"limit", 1, 0, 'L'}, {"headers", 1, 0, 'D'}, {"rate", 1, 0, 'T'},
        {0, 0, 0, 0}};
    long given = 0;
    for (int o; (o = getopt_long(argc, argv, "c:n:t:r:m:b:", longopts, NULL)) != -1;) switch (o) {
        case 'c': concurrency = atoi(optarg); break;
        case 'n': given = atol(optarg); break;
        case 't': seconds = atof(optarg); break;
        case 'r': rcpts = atoi(optarg); break;
        case 'm': messages = atoi(optarg); break;
        case 'b': body = atoi(optarg); break;
        case 'I': client_ip = optarg; break;
        case 'R': rcpt_pattern = optarg; break;
        case 'F': from = optarg; break;
        case 'A': auth = optarg; break;
        case 'K': reuse = 1; break;
        case 'H': hold = atoi(optarg); break;
        case 'E': expect = optarg; break;
        case 'L': limit = atoi(optarg); break;
        case 'D': headers = atoi(optarg); break;
        case 'T': rate = atof(optarg); break;
        default: usage();
    }
    sessions = hold ? concurrency : given ? given : seconds ? 200000 : sessions;
    int verdict_ok = !*expect || !strcmp(expect, "permit") || !strcmp(expect, "reject") || !strcmp(expect, "tempfail");
    if (optind + 1 != argc || concurrency < 1 || sessions < 1 || rcpts < 0 || messages < 1 || !verdict_ok) usage();
    parse_address(argv[optind]);
    if (concurrency > sessions) concurrency = sessions;
}

/* Make what a run needs, and begin the first sessions. */
static struct conn *begin(void) {
    struct rlimit rl;
    getrlimit(RLIMIT_NOFILE, &rl);
    rl.rlim_cur = rl.rlim_max;
    setrlimit(RLIMIT_NOFILE, &rl);
    struct conn *conns = calloc(concurrency, sizeof *conns);
    retry_queue = calloc(concurrency + 1, sizeof *retry_queue);
    idle = calloc(concurrency, sizeof *idle);
    lat_rcpt = calloc(sessions * messages * (rcpts + 1), sizeof *lat_rcpt);
    lat_session = calloc(sessions, sizeof *lat_session);
    if (!conns || !retry_queue || !idle || !lat_rcpt || !lat_session || (ep = epoll_create1(0)) < 0) die("setup");
    begun = now();
    for (int i = 0; i < concurrency; i++) { conns[i].fd = -1; next_session(&conns[i]); }
    return conns;
}

static void event(struct conn *c, uint32_t events) {
    if (c->fd < 0) return;
    if (!c->connected) {
        int e = 0;
        getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &e, &(socklen_t){sizeof e});
        if (e) { errno = e; die("connect"); }
        c->connected = 1;
        watch(c, EPOLLIN);
        advance(c);
        return;
    }
    if (events & EPOLLOUT) { watch(c, EPOLLIN); flush(c); }
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) readable(c);
}

/* Serve the connections until no session is left or the limit is reached. */
static void run(struct conn *conns) {
    uint64_t stop = begun + (uint64_t)limit * 1000000000u;
    while ((finished < started || more()) && now() < stop) {
        struct epoll_event ev[256];
        while (idles && more() && due() <= now()) open_session(idle[--idles]);
        int n = epoll_wait(ep, ev, 256, rate ? 0 : retry_head < retry_tail ? 1 : 1000);
        for (int i = 0; i < n; i++) event(ev[i].data.ptr, ev[i].events);
        for (long upto = retry_tail; retry_head < upto;) try_connect(retry_queue[retry_head++ % (concurrency + 1)]);
        if (hold && held == concurrency) {
            fprintf(stderr, "holding %d\n", held);
            sleep(hold);
            held = 0;
            for (int i = 0; i < concurrency; i++) advance(&conns[i]);
        }
    }
}

static void print_result(long unfinished) {
    double secs = (now() - begun) / 1e9;
    struct rusage ru;
    getrusage(RUSAGE_SELF, &ru);
    double cpu = ru.ru_utime.tv_sec + ru.ru_stime.tv_sec + (ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6;
    qsort(lat_rcpt, n_rcpt, sizeof *lat_rcpt, by_value);
    qsort(lat_session, n_session, sizeof *lat_session, by_value);
    printf("{\"concurrency\":%d,\"sessions\":%ld,\"rcpts\":%ld,\"permits\":%ld,\"rejects\":%ld,\"tempfails\":%ld,"
           "\"errors\":%ld,\"unfinished\":%ld,\"connects\":%ld,\"connect_retries\":%ld,\"seconds\":%.3f,"
           "\"sessions_per_s\":%.0f,\"rcpts_per_s\":%.0f,"
           "\"rcpt_us\":{\"p50\":%.1f,\"p99\":%.1f,\"max\":%.1f},\"session_us\":{\"p50\":%.1f,\"p99\":%.1f,\"max\":%.1f},"
           "\"own_cpu_us_per_session\":%.1f}\n",
           concurrency, finished, rcpt_total, permits, rejects, tempfails, errors, unfinished, connects, retries, secs,
           finished / secs, rcpt_total / secs, at(lat_rcpt, n_rcpt, .5), at(lat_rcpt, n_rcpt, .99), at(lat_rcpt, n_rcpt, 1),
           at(lat_session, n_session, .5), at(lat_session, n_session, .99), at(lat_session, n_session, 1),
           finished ? cpu * 1e6 / finished : 0);
}

int main(int argc, char **argv) {
    options(argc, argv);
    run(begin());
    long unfinished = seconds ? started - finished : sessions - finished;
    print_result(unfinished);
    long good = !strcmp(expect, "permit") ? permits : !strcmp(expect, "reject") ? rejects
              : !strcmp(expect, "tempfail") ? tempfails : rcpt_total;
    return errors || unfinished || good != rcpt_total;
}
