/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * refmilter: a minimal C milter on libmilter, to compare another milter with. At RCPT it checks the client
 * against a few networks and the recipient against one domain.
 *
 *   tuned  only connect, mail and rcpt are asked for, connect and mail without a reply, and one macro:
 *          the limit for a milter on libmilter with a trivial relay rule.
 *   every  the same rule, but every stage is asked for and answered: what a milter costs that tells the MTA
 *          nothing about what it can leave out.
 *
 *   cc -O2 -Wall -o refmilter refmilter.c -lmilter -lpthread
 *   ./refmilter tuned inet:8891@127.0.0.1 [BACKLOG]
 */
#include <libmilter/mfapi.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct session { uint32_t ip; int authenticated; };

static const struct { uint32_t net, mask; } networks[] = {
    {0x7f000000, 0xff000000}, {0x0a000000, 0xff000000}, {0xc0a80000, 0xffff0000}};

static sfsistat on_connect(SMFICTX *ctx, char *host, _SOCK_ADDR *sa) {
    (void)host;
    struct session *s = calloc(1, sizeof *s);
    if (!s) return SMFIS_TEMPFAIL;
    if (sa && sa->sa_family == AF_INET) s->ip = ntohl(((struct sockaddr_in *)sa)->sin_addr.s_addr);
    smfi_setpriv(ctx, s);
    return SMFIS_NOREPLY;
}

static sfsistat on_mail(SMFICTX *ctx, char **argv) {
    (void)argv;
    struct session *s = smfi_getpriv(ctx);
    char *login = smfi_getsymval(ctx, "{auth_authen}");
    if (s) s->authenticated = login && *login;
    return SMFIS_NOREPLY;
}

static sfsistat on_rcpt(SMFICTX *ctx, char **argv) {
    struct session *s = smfi_getpriv(ctx);
    if (!s) return SMFIS_TEMPFAIL;
    if (s->authenticated) return SMFIS_CONTINUE;
    for (size_t i = 0; i < sizeof networks / sizeof *networks; i++)
        if ((s->ip & networks[i].mask) == networks[i].net) return SMFIS_CONTINUE;
    const char *at = strrchr(argv[0], '@');
    if (at && !strncasecmp(at + 1, "example.org>", 12)) return SMFIS_CONTINUE;
    smfi_setreply(ctx, "550", "5.7.1", "relaying denied");
    return SMFIS_REJECT;
}

static sfsistat on_close(SMFICTX *ctx) {
    free(smfi_getpriv(ctx));
    smfi_setpriv(ctx, NULL);
    return SMFIS_CONTINUE;
}

static sfsistat negotiate(SMFICTX *ctx, unsigned long a, unsigned long p, unsigned long u2, unsigned long u3,
                          unsigned long *oa, unsigned long *op, unsigned long *o2, unsigned long *o3) {
    (void)a, (void)u2, (void)u3;
    *oa = *o2 = *o3 = 0;
    *op = p & (SMFIP_NR_CONN | SMFIP_NR_MAIL | SMFIP_NOHELO | SMFIP_NODATA | SMFIP_NOHDRS | SMFIP_NOEOH |
               SMFIP_NOBODY | SMFIP_NOUNKNOWN);
    if (a & SMFIF_SETSYMLIST) {
        *oa = SMFIF_SETSYMLIST;
        smfi_setsymlist(ctx, SMFIM_ENVFROM, "{auth_authen}");
    }
    return SMFIS_CONTINUE;
}

/* The same with an answer, for a milter that negotiates nothing. */
static sfsistat e_connect(SMFICTX *c, char *host, _SOCK_ADDR *sa) {
    sfsistat s = on_connect(c, host, sa);
    return s == SMFIS_NOREPLY ? SMFIS_CONTINUE : s;
}

static sfsistat e_mail(SMFICTX *c, char **argv) {
    sfsistat s = on_mail(c, argv);
    return s == SMFIS_NOREPLY ? SMFIS_CONTINUE : s;
}

static sfsistat e_string(SMFICTX *c, char *s) { (void)c, (void)s; return SMFIS_CONTINUE; }
static sfsistat e_unknown(SMFICTX *c, const char *s) { (void)c, (void)s; return SMFIS_CONTINUE; }
static sfsistat e_header(SMFICTX *c, char *n, char *v) { (void)c, (void)n, (void)v; return SMFIS_CONTINUE; }
static sfsistat e_body(SMFICTX *c, unsigned char *b, size_t n) { (void)c, (void)b, (void)n; return SMFIS_CONTINUE; }
static sfsistat e_none(SMFICTX *c) { (void)c; return SMFIS_CONTINUE; }

int main(int argc, char **argv) {
    struct smfiDesc tuned = {"refmilter", SMFI_VERSION, SMFIF_SETSYMLIST, on_connect, NULL, on_mail, on_rcpt, NULL, NULL,
                             NULL, NULL, NULL, on_close, NULL, NULL, negotiate};
    struct smfiDesc every = {"refmilter", SMFI_VERSION, 0, e_connect, e_string, e_mail, on_rcpt, e_header, e_none,
                             e_body, e_none, e_none, on_close, e_unknown, e_none, NULL};
    if (argc < 3 || (strcmp(argv[1], "tuned") && strcmp(argv[1], "every"))) {
        fprintf(stderr, "usage: refmilter tuned|every SOCKET [BACKLOG]\n");
        return 2;
    }
    if (smfi_setconn(argv[2]) || smfi_register(strcmp(argv[1], "every") ? tuned : every) ||
        smfi_setbacklog(argc > 3 ? atoi(argv[3]) : 1024) || smfi_opensocket(1)) {
        fprintf(stderr, "refmilter: cannot listen on %s\n", argv[2]);
        return 1;
    }
    return smfi_main() != MI_SUCCESS;
}
