/* N+x: two services, four sites (0 and 1 hold one each, 2 and 3 are standbys), room for one service on each
 * site. docs/failover-model.md says what is modelled.
 *
 * The lease of lease.pml is here a bit: `lapsed` becomes true only when the owner does not serve the service. A
 * swap is one step on what the site has read, which may be old. MAXCRASH crashes at any moment, also between
 * swap and start and inside the maintenance swap, with or without restart; one maintenance swap, whose target
 * may be dead or busy.
 *
 * Safety: no service is served twice. Liveness, with weak fairness: in the end both are served for good.
 * Broken on purpose: SLOWSTART a lease lapses while its owner starts, as if that did not renew; TRUSTING a site
 *   claims what it has read without a swap. NOHANDBACK a site that is given a second service does not give it
 *   back: slower, as its lease has to lapse, and not wrong.
 */
#define SITES 4
#define SERVICES 2
#define NONE 9
#ifndef MAXCRASH
#define MAXCRASH 2
#endif

byte owner[SERVICES]; bit lapsed[SERVICES];     /* the records */
bit fresh[SITES * SERVICES];                    /* what the site has read of the record is the present version */
bit dead[SITES]; byte serving[SITES];
byte claiming[SITES];                           /* the service that it has a swap under way for */
byte crashes; bit swapped;

#define at(site, service) ((site) * SERVICES + (service))
#define other(service) (1 - (service))
#define serves(site, service) (serving[site] == service && !dead[site])
#define served(service) (serves(0, service) || serves(1, service) || serves(2, service) || serves(3, service))
#define servers(service) (serves(0, service) + serves(1, service) + serves(2, service) + serves(3, service))
#define is_free(site) (!dead[site] && serving[site] == NONE && claiming[site] == NONE)

#define may_claim(service) \
  (is_free(i) && fresh[at(i, service)] && lapsed[service] && owner[service] != i && owner[other(service)] != i)
#ifdef TRUSTING
#define may_win(service) (1)
#else
#define may_win(service) (fresh[at(i, service)] && lapsed[service])
#endif
#define is_mine(service) (is_free(i) && owner[service] == i && fresh[at(i, service)])
#define has_too_much(service) \
  (!dead[i] && serving[i] == other(service) && owner[service] == i && fresh[at(i, service)])

inline changed(service) {
  j = 0;
  do :: j < SITES -> fresh[at(j, service)] = 0; j++ :: else -> break od;
  j = 0
}

proctype Node(byte i) {
  byte m; byte j; byte target;
end:
  do
  :: atomic { !dead[i] && !fresh[at(i, 0)] -> fresh[at(i, 0)] = 1 }
  :: atomic { !dead[i] && !fresh[at(i, 1)] -> fresh[at(i, 1)] = 1 }
  /* A claim is sent by a site that has nothing, and arrives later. */
  :: atomic { may_claim(0) -> claiming[i] = 0 }
  :: atomic { may_claim(1) -> claiming[i] = 1 }
  :: atomic {
       !dead[i] && claiming[i] != NONE ->
         m = claiming[i]; claiming[i] = NONE;
         if
         :: may_win(m) -> changed(m); owner[m] = i; lapsed[m] = 0
         :: else -> fresh[at(i, m)] = 0
         fi;
         m = 0
     }
  /* What is its own it serves after a confirmed renewal, and takes again when the lease has lapsed. */
  :: atomic { is_mine(0) && !lapsed[0] -> serving[i] = 0; assert(servers(0) <= 1) }
  :: atomic { is_mine(1) && !lapsed[1] -> serving[i] = 1; assert(servers(1) <= 1) }
  :: atomic { is_mine(0) && lapsed[0] -> changed(0); lapsed[0] = 0 }
  :: atomic { is_mine(1) && lapsed[1] && owner[0] != i -> changed(1); lapsed[1] = 0 }
#ifndef NOHANDBACK
  :: atomic { has_too_much(0) -> changed(0); owner[0] = NONE; lapsed[0] = 1 }
  :: atomic { has_too_much(1) -> changed(1); owner[1] = NONE; lapsed[1] = 1 }
#endif
  /* Maintenance: drained and stopped, then the one swap. */
  :: atomic {
       !dead[i] && serving[i] != NONE && !swapped ->
         swapped = 1;
         target = 0;
         do :: target < SITES - 1 -> target++ :: break od;
         m = serving[i]; serving[i] = NONE
     }
     if
     :: atomic {
          !dead[i] && owner[m] == i && target != i ->
            changed(m); owner[m] = target; lapsed[m] = 0; m = 0; target = 0
        }
     :: atomic { dead[i] || owner[m] != i || target == i -> m = 0; target = 0 }
     fi
  :: atomic {
       !dead[i] && crashes < MAXCRASH ->
         crashes++;
         dead[i] = 1; serving[i] = NONE; claiming[i] = NONE; fresh[at(i, 0)] = 0; fresh[at(i, 1)] = 0
     }
  :: atomic { dead[i] -> dead[i] = 0 }
  :: atomic { dead[i] -> skip }                 /* or never again: fairness does not make it start */
  od
}

#ifdef SLOWSTART
#define is_silent(service) (owner[service] == NONE || dead[owner[service]] || serving[owner[service]] != service)
#else
#define is_silent(service) \
  (owner[service] == NONE || dead[owner[service]] || \
   (serving[owner[service]] != NONE && serving[owner[service]] != service))
#endif
proctype Expiry(byte m) {
  byte j;
end:
  do
  :: atomic { !lapsed[m] && owner[m] != NONE && is_silent(m) -> lapsed[m] = 1; changed(m) }
  od
}

init {
  byte i;
  atomic {
    do :: i < SITES -> serving[i] = NONE; claiming[i] = NONE; i++ :: else -> break od;
    i = 0;
    owner[0] = 0; owner[1] = 1; serving[0] = 0; serving[1] = 1;
    do :: i < SITES -> run Node(i); i++ :: else -> break od;
    i = 0;
    run Expiry(0); run Expiry(1)
  }
}

ltl live { <> [] (served(0) && served(1)) }
