/* One service, N sites, one arbiter that can do nothing but compare and swap: the lease rule, failsafe
 * promises and fast takeover. docs/failover-model.md says what is modelled, and whose rule each flag is.
 *
 * The arbiter has no clock. A site judges expiry by its own monotonic clock, from the moment it has read a
 * version, and its claim names that version. Requests and replies are lost, delayed without bound, and
 * applied after the sender gave up ("late"). Sites crash and restart at any time, without memory. Takeovers
 * are not counted: `cur` says whether a site's epoch is the record's, so the search is over any number.
 * Time is in ticks; a clock may lose DR ticks in a lease, or gain DR in a wait.
 *
 * What may happen beside: PAUSE the coordinator is stopped for any time; FREEZE the machine is, with its
 *   clock; KILL the coordinator dies and the PBX goes on. NORELEASE, NOTRANSFER: not these.
 * What is built: FAILSAFE promises, FAST claims at any moment, OFF the owner's word that it is off (or a
 *   confirmed fence), ELIGIBLE site N-1 is dropped from the eligible ones and added again, JOURNAL of claims
 *   and highest epoch over a restart. ONEASKS: only site 0 asks for promises.
 * Broken on purpose: W=.., NOGUARD, NORESUMECHECK, NOADOPT, FROMREPLY, NOSEQ, OFFSTALE; with FAILSAFE TP=..,
 *   ONESHORT, OLDANSWER, REACTIVATE, DROPEARLY, ADDOTHERS; with FAST UNBOUND, FORGETFUL, UNRESOLVED,
 *   STALEASK, ADDANYTIME, NOEPOCH. OVERLAP asserts of fast mode what only lease mode has.
 */
#ifndef N
#define N 2
#endif
#ifndef L
#define L 2                      /* lease, in ticks */
#endif
#ifndef DR
#define DR 1                     /* drift, in ticks */
#endif
#ifndef W
#define W (L + 2 * DR + 1)       /* a challenger's wait */
#endif
#ifndef TP
#define TP (L + 2 * DR + 1)      /* how long a promise lasts */
#endif
#define NONE 7
/* Requests. */
#define K_NO 0
#define K_TAKE 1
#define K_RENEW 2
#define K_DROP 3                 /* a renewal that drops site N-1 from the eligible ones */
#define K_ADD 4                  /* a renewal that adds it */
#define K_RELEASE 5
#define K_TRANSFER 6
#define renews(kind) (kind >= K_RENEW && kind <= K_ADD)
#define gives_lease(kind) (kind >= K_TAKE && kind <= K_ADD)
/* Where a request is. */
#define P_SENT 1                 /* under way, and the version it names is the present one */
#define P_OK 2                   /* applied, the reply is under way */
#define P_FAIL 3                 /* refused, or cannot succeed any more */

/* What became of a site's claims: none is open; an open one names the present version; the version has
   changed since; nothing was read since the start, so that nothing is known. */
#define C_DONE 0
#define C_OPEN 1
#define C_CHANGED 2
#define C_UNKNOWN 3

/* The record. Its version is not kept: `knows` says who has read the present one. */
byte owner = NONE;
bit off;                         /* at this version the owner is off: by its own word, or by fencing */
bit eligible = 1;                /* site N-1 is */
/* What a site serves, and by which right. */
bit act[N];                      /* it serves, and its coordinator knows */
bit orphan[N];                   /* it serves, and its coordinator is gone or does not know */
bit cur[N];                      /* ghost: in the record's epoch */
byte left[N]; byte slow_left[N]; /* of its lease */
/* Its request, and one that it has given up and that may still be applied. */
byte pend[N]; byte at[N]; byte age[N]; byte slow_age[N]; bit pcur[N];
byte late[N];
/* What it knows of the record. */
bit knows[N]; byte watched[N]; byte fast_watched[N];
bit paused[N]; bit frozen[N];
#ifdef FAILSAFE
bit believes[N];                 /* it is the owner, as far as it knows */
byte claim[N];                   /* whether a claim of its may still be applied, as far as it knows */
byte promised[N]; byte fast_promised[N];
bit asking[N]; byte asked[N]; byte slow_asked[N];
bit got[N * N];                  /* i * N + k: site i has the promise of k */
#ifdef ELIGIBLE
bit counts[N];                   /* it needs that of site N-1 too */
#define asks(i, k) (i != k && (k != N - 1 || counts[i]))
#else
#define asks(i, k) (i != k)
#endif
#endif
#ifdef FAST
bit by_promise[N];               /* its lease stands on promises */
byte past[N];                    /* ghost: ticks since it lost the record, while it serves or may begin to */
bit later[N * N];                /* k * N + i: site k has read an epoch later than that of i */
#endif

byte j; byte n; byte kind;       /* within a step only, 0 between */

#define idle(i) (pend[i] == K_NO && late[i] == K_NO)
#define runs(i) (!paused[i] && !frozen[i])
#define serves(i) (!frozen[i] && (act[i] || orphan[i]))
#define each_site j : 0 .. N - 1
#ifdef ONEASKS
#define may_ask(i) (i == 0)
#else
#define may_ask(i) (1)
#endif
#ifdef FAST
#define may_take(i) (1)          /* suspicion needs no reason here: it may be wrong at any moment */
#else
#define may_take(i) (watched[i] >= W || off)
#endif
#ifdef FAILSAFE
#ifdef UNBOUND
#define is_bound(i) (0)
#else
#define is_bound(i) (promised[i] > 0)
#endif
#ifdef UNRESOLVED
#define no_claim(k) (1)
#else
#define no_claim(k) (pend[k] == K_NO && claim[k] == C_DONE)
#endif
#if defined(FAST) && !defined(STALEASK)
#define not_later(k, i) (!later[k * N + i])
#else
#define not_later(k, i) (1)
#endif
#define may_promise(k, i) \
  (asks(i, k) && runs(k) && !got[i * N + k] && !act[k] && !believes[k] && no_claim(k) && not_later(k, i))
#else
#define is_bound(i) (0)
#endif
#if defined(FAST) && !defined(ADDANYTIME)
#define may_add(i) (!by_promise[i])  /* those who promised were all, and have to stay all */
#else
#define may_add(i) (1)
#endif
#ifdef REACTIVATE
#define may_begin_to_ask(i) (may_ask(i) && (act[i] || believes[i]))
#else
#define may_begin_to_ask(i) (may_ask(i) && act[i])
#endif
#ifdef ONESHORT
#define MISSING 1
#else
#define MISSING 0
#endif
#define is_eligible(i) (i != N - 1 || eligible)


/* What it may have left running after a start counts, too: it stops first. */
#define may_hand_over(i) (runs(i) && idle(i) && ((act[i] && cur[i]) || (!act[i] && knows[i] && owner == i)))
#ifdef NOADOPT
#define stop_first(i) if :: act[i] -> stop_serving(i) :: else -> skip fi
#else
#define stop_first(i) stop_serving(i)
#endif

/* ---- The properties. ---- */
inline check_one_serves() {
#if !defined(FAST) || defined(OVERLAP)
  for (each_site) { n = n + serves(j) };
  assert(n <= 1);
  n = 0; j = 0
#else
  skip
#endif
}

inline check_none_on_promises(i) {
#ifdef FAST
  for (each_site) { assert(j == i || !serves(j) || !by_promise[j]) };
  j = 0
#else
  skip
#endif
}

/* ---- The arbiter. ---- */
/* A new version: what names the old one cannot succeed any more. */
inline changed() {
  for (each_site) {
    knows[j] = 0; watched[j] = 0; fast_watched[j] = 0; late[j] = K_NO;
#ifdef FAILSAFE
    if :: claim[j] == C_OPEN -> claim[j] = C_CHANGED :: else -> skip fi;
#endif
    if :: at[j] == P_SENT -> at[j] = P_FAIL; age[j] = 0; slow_age[j] = 0 :: else -> skip fi
  };
#ifndef OFFSTALE
  off = 0;
#endif
  j = 0
}

inline grant(i) {
  for (each_site) { cur[j] = 0; pcur[j] = 0 };
  owner = i; off = 0; j = 0;
#ifdef FAST
  if :: owner < N -> past[owner] = 0 :: else -> skip fi
#endif
}

inline apply(i) {
#ifdef NOSEQ
  if :: renews(kind) -> skip :: else -> changed() fi;
#else
  changed();
#endif
  if
  :: kind == K_TAKE -> check_none_on_promises(i); grant(i)
  :: kind == K_RENEW -> skip
  :: kind == K_DROP -> eligible = 0
  :: kind == K_ADD -> eligible = 1
  :: kind == K_RELEASE -> grant(NONE)
  :: kind == K_TRANSFER -> grant((i + 1) % N)
  fi;
  kind = 0
}

/* ---- What a site knows of epochs; only its effect on promises is kept. ---- */
/* Site i has read the record, or will know of its swap: whose epochs are older. A swap whose confirmation it
   does not get leaves a claim open, or is a renewal of what it knew before. */
inline learn_epochs(i) {
#ifdef FAST
  for (each_site) {
    if
    :: may_ask(j) && ((act[j] && !cur[j]) || (at[j] == P_OK && !pcur[j] && !act[j])) -> later[i * N + j] = 1
    :: else -> skip
    fi
  };
  j = 0
#else
  skip
#endif
}

/* Nobody has read an epoch later than that of site i. */
inline is_newest(i) {
#ifdef FAST
  for (each_site) { later[j * N + i] = 0 };
  j = 0
#else
  skip
#endif
}

/* ---- A site. ---- */
inline send(i, what) {
  pend[i] = what; at[i] = P_SENT; age[i] = 0; slow_age[i] = 0; pcur[i] = 0;
  watched[i] = 0; fast_watched[i] = 0
}

inline no_request(i) { pend[i] = K_NO; at[i] = 0; age[i] = 0; slow_age[i] = 0; pcur[i] = 0 }

/* A site sends nothing while an earlier request may still be applied: both would name the present version, so
   that only one of them could be. To let it wait for the other to be dropped loses nothing. */
inline give_up(i) {
  if :: at[i] == P_SENT -> late[i] = pend[i] :: else -> skip fi;
#ifdef FAILSAFE
  if :: pend[i] == K_TAKE -> claim[i] = (at[i] == P_SENT -> C_OPEN : C_CHANGED) :: else -> skip fi;
#endif
  no_request(i)
}

inline stop_asking(i) {
#ifdef FAILSAFE
  asking[i] = 0; asked[i] = 0; slow_asked[i] = 0;
#ifdef OLDANSWER
  if :: !act[i] -> for (each_site) { got[i * N + j] = 0 } :: else -> skip fi;
#else
  for (each_site) { got[i * N + j] = 0 };
#endif
  j = 0
#else
  skip
#endif
}

inline stop_serving(i) {
  act[i] = 0; orphan[i] = 0; cur[i] = 0; left[i] = 0; slow_left[i] = 0;
#ifdef FAST
  by_promise[i] = 0;
#endif
  stop_asking(i)
}

inline forget_record(i) { knows[i] = 0; watched[i] = 0; fast_watched[i] = 0 }

/* All that is in a coordinator's memory. */
inline forget_all(i) {
  give_up(i);
  forget_record(i);
  stop_asking(i);
#ifdef FAILSAFE
  believes[i] = 0; fast_promised[i] = 0;
#ifdef ELIGIBLE
  counts[i] = 0;
#endif
#ifdef JOURNAL
  if :: claim[i] == C_DONE -> skip :: else -> claim[i] = C_UNKNOWN fi;
#else
  claim[i] = C_UNKNOWN;
#endif
#ifdef NOEPOCH
  for (each_site) { later[i * N + j] = 0 };
  j = 0;
#endif
#if defined(FAST) && !defined(FORGETFUL)
  promised[i] = TP;              /* a start counts as a promise: there may have been one */
#else
  promised[i] = 0;
#endif
#endif
  paused[i] = 0
}

inline read_record(i) {
  knows[i] = 1; watched[i] = 0; fast_watched[i] = 0;
#ifdef FAILSAFE
  believes[i] = (owner == i);
  if
  :: claim[i] == C_UNKNOWN -> claim[i] = C_OPEN
  :: claim[i] == C_CHANGED -> claim[i] = C_DONE
  :: else -> skip
  fi;
#endif
  learn_epochs(i);
  if :: orphan[i] && owner != i -> stop_serving(i) :: else -> skip fi
}

inline take_reply(i) {
#ifdef FROMREPLY
  age[i] = 0; slow_age[i] = 0;
#endif
  if
  :: gives_lease(pend[i]) && age[i] < L && (!act[i] || L - age[i] >= left[i]) ->
       act[i] = 1; orphan[i] = 0; left[i] = L - age[i]; slow_left[i] = slow_age[i];
       cur[i] = pcur[i]; knows[i] = 0;
#ifdef FAST
       by_promise[i] = 0;
#endif
#ifdef ELIGIBLE
       counts[i] = eligible;
#endif
       stop_asking(i);
       check_one_serves()
  :: else -> skip
  fi;
#ifdef FAILSAFE
  believes[i] = gives_lease(pend[i]);
#endif
  no_request(i)
}

/* What was refused is read back before anything else: of the own epoch only something else has changed. */
inline take_refusal(i) {
  if :: act[i] && !cur[i] -> stop_serving(i) :: else -> skip fi;
#ifdef FAILSAFE
  if :: pend[i] == K_TAKE -> claim[i] = C_CHANGED :: else -> skip fi;
#endif
  no_request(i)
}

#ifdef FAILSAFE
/* On the promises of all that count, from the moment they were asked. */
inline extend(i) {
  for (each_site) { n = n + (asks(i, j) && !got[i * N + j]) };
  j = 0;
  if
  :: n <= MISSING && asked[i] < L && L - asked[i] >= left[i] ->
       act[i] = 1; left[i] = L - asked[i]; slow_left[i] = slow_asked[i]; n = 0;
#ifdef FAST
       by_promise[i] = 1;
       assert(cur[i]);           /* nothing is served on promises in an epoch that is over */
#endif
       check_one_serves();
       stop_asking(i)
  :: else -> n = 0
  fi
}

/* A question and its answer; both may take long, which runs on `asked`. */
#define asks_for_promise(k, i) \
  d_step { \
    runs(i) && asking[i] && may_promise(k, i) -> promised[k] = TP; fast_promised[k] = 0; got[i * N + k] = 1 \
  }
#endif

/* Each step is one of the arbiter with this site's request, of the site, or of fate. */
proctype Site(byte i) {
  do
  :: d_step {
       at[i] == P_SENT ->
         at[i] = P_OK; kind = pend[i];
         apply(i);
         if :: owner == i -> pcur[i] = 1; is_newest(i); learn_epochs(i) :: else -> skip fi
     }
  :: d_step { late[i] != K_NO -> kind = late[i]; late[i] = K_NO; apply(i) }
  :: d_step { late[i] != K_NO -> late[i] = K_NO }

  :: d_step { runs(i) && !act[i] && !knows[i] && pend[i] == K_NO -> read_record(i) }
  :: d_step {
       runs(i) && !act[i] && knows[i] && idle(i) && owner != i && is_eligible(i) &&
         (owner == NONE || (may_take(i) && !is_bound(i))) ->
         send(i, K_TAKE)
     }
  :: d_step {                    /* to go on, or to begin again with what is its own */
       runs(i) && idle(i) && (act[i] || (knows[i] && owner == i)) ->
         send(i, K_RENEW);
         if :: act[i] && !cur[i] -> at[i] = P_FAIL :: else -> skip fi
     }
#ifdef ELIGIBLE
  :: d_step {
       runs(i) && idle(i) && act[i] && cur[i] && i != N - 1 && eligible ->
         send(i, K_DROP);
#ifdef DROPEARLY
         counts[i] = 0
#endif
     }
  :: d_step {
       runs(i) && idle(i) && act[i] && cur[i] && i != N - 1 && !eligible && may_add(i) ->
         send(i, K_ADD); counts[i] = 1
     }
#endif
#ifdef ADDOTHERS
  :: d_step { !eligible -> changed(); eligible = 1 }
#endif
#ifndef NORELEASE
  :: d_step { may_hand_over(i) -> stop_first(i); send(i, K_RELEASE) }
#ifndef NOTRANSFER
  :: d_step { may_hand_over(i) && is_eligible((i + 1) % N) -> stop_first(i); send(i, K_TRANSFER) }
#endif
#endif
#ifdef OFF
  :: d_step { owner == i && !off && !act[i] && !orphan[i] && runs(i) && pend[i] == K_NO -> off = 1 }
#endif
  :: d_step { runs(i) && at[i] == P_OK -> take_reply(i) }
  :: d_step { runs(i) && at[i] == P_FAIL -> take_refusal(i) }
  :: d_step { runs(i) && pend[i] != K_NO -> give_up(i) }
  :: d_step { runs(i) && act[i] && left[i] == 0 -> stop_serving(i) }
#ifdef FAILSAFE
  :: d_step { runs(i) && may_begin_to_ask(i) && !asking[i] && pend[i] == K_NO -> asking[i] = 1 }
  :: asks_for_promise(0, i)
  :: asks_for_promise(1, i)
#if N > 2
  :: asks_for_promise(2, i)
#endif
  :: d_step { runs(i) && asking[i] -> extend(i) }
  :: d_step { runs(i) && asking[i] -> stop_asking(i) }
#endif

#ifndef NOGUARD
  :: d_step { paused[i] && !frozen[i] && act[i] && left[i] == 0 -> stop_serving(i) }
  :: d_step { !frozen[i] && orphan[i] && left[i] == 0 -> stop_serving(i) }
#endif
#ifdef PAUSE
  :: d_step { runs(i) -> paused[i] = 1 }
  :: d_step { paused[i] && !frozen[i] -> paused[i] = 0 }
#endif
#ifdef FREEZE
  :: d_step { runs(i) && (act[i] || pend[i] != K_NO) -> frozen[i] = 1 }
  :: d_step {
       frozen[i] ->
         frozen[i] = 0;
#ifndef NORESUMECHECK
         stop_serving(i); forget_record(i); give_up(i);
#endif
         check_one_serves()
     }
#endif
#ifdef KILL
  :: d_step { runs(i) && act[i] -> orphan[i] = 1; act[i] = 0; forget_all(i) }
#endif
  /* A crash. A site that is down is one that does not begin yet. */
  :: d_step { true -> stop_serving(i); forget_all(i) }
  od
}

/* ---- Time. ---- */
#ifdef NOGUARD
#define must_stop(i) (act[i] && left[i] == 0 && runs(i))
#else
#define must_stop(i) (!frozen[i] && (act[i] || orphan[i]) && left[i] == 0)
#endif
#define watches(i) (!act[i] && pend[i] == K_NO && knows[i] && owner != i && watched[i] < W)

/* A slow clock loses a tick, a fast one gains one; DR times. */
inline count_down_slowly(value, slow, running) {
  if
  :: running && value > 0 -> value--
  :: running && value > 0 && slow < DR -> slow++
  :: !(running && value > 0) -> skip
  fi
}
inline count_slowly(value, slow, running) {
  if
  :: running && value < L -> value++
  :: running && value < L && slow < DR -> slow++
  :: !(running && value < L) -> skip
  fi
}

inline pass_tick(i) {
  count_down_slowly(left[i], slow_left[i], (act[i] || orphan[i]));
  count_slowly(age[i], slow_age[i], (at[i] != P_FAIL && gives_lease(pend[i])));
#ifdef FAILSAFE
  count_slowly(asked[i], slow_asked[i], asking[i]);
  if :: asked[i] == L -> stop_asking(i) :: else -> skip fi;
  if
  :: promised[i] > 0 -> promised[i]--
  :: promised[i] > 1 && fast_promised[i] < DR -> promised[i] = promised[i] - 2; fast_promised[i]++
  :: promised[i] == 0 -> fast_promised[i] = 0
  fi;
#endif
#ifndef FAST
  if
  :: watches(i) -> watched[i]++
  :: watches(i) && watched[i] + 1 < W && fast_watched[i] < DR ->
       watched[i] = watched[i] + 2; fast_watched[i]++
  :: !watches(i) -> skip
  fi
#endif
}

/* In real ticks, also of a machine that stands still. */
inline count_past(i) {
#ifdef FAST
  if
  :: owner == i || !(act[i] || orphan[i] || at[i] == P_OK) -> past[i] = 0
  :: else ->
       if :: past[i] <= L + DR -> past[i]++ :: else -> skip fi;
       assert(!serves(i) || past[i] <= L + DR)
  fi
#else
  skip
#endif
}

#if N == 2
#define must_one_stop (must_stop(0) || must_stop(1))
#else
#define must_one_stop (must_stop(0) || must_stop(1) || must_stop(2))
#endif
#if DR == 0
#define one_step d_step          /* nothing to choose: much faster */
#else
#define one_step atomic
#endif

/* No tick passes while a site is to stop: what must be off by then is. */
proctype Clock() {
  byte i;
  do
  :: one_step {
       !must_one_stop ->
         for (i : 0 .. N - 1) {
           if :: frozen[i] -> skip :: else -> pass_tick(i) fi;
           count_past(i)
         };
         i = 0
     }
  od
}

init {
  byte i;
  atomic {
    for (i : 0 .. N - 1) {
      d_step {
#ifdef FAILSAFE
        claim[i] = C_UNKNOWN;
#endif
        forget_all(i)
      };
      run Site(i)
    }
    i = 0;
    run Clock()
  }
}
