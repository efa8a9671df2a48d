/* What holds without any clock, in fast mode and in lease mode: one owner for each epoch, and what carries an
 * older epoch is refused. docs/failover-model.md says what is modelled, and whose rule each flag is.
 *
 * N sites, one arbiter that compares and swaps, one receiver of effects (a DNS name, a replica, a PBX that
 * state is put into). Any site may claim at any moment, an owner serves for as long as it has not read a
 * later epoch: whatever leases and promises allow is among that. Requests, replies and one effect are delayed
 * without bound; of two effects that contradict each other only the later one has to be late. Sites crash and
 * restart without memory. Epochs are numbers here, up to E.
 *
 * Broken on purpose: BLIND a claim does not name the version it saw, UNCHECKED the receiver compares no
 *   epochs, AMNESIA it forgets the highest one, EARLY a site acts on a claim before it is confirmed, DEAF an
 *   owner that has read a later epoch goes on, BACKWARDS it begins again on a confirmation that comes after
 *   that. OVERLAP asserts what only lease mode has. The property `ends`, with weak fairness: whenever two
 *   serve, in the end they do not.
 */
#ifndef N
#define N 3
#endif
#ifndef E
#define E 4
#endif
#define NONE 7
#define K_NO 0
#define K_TAKE 1
#define K_RENEW 2
#define K_RELEASE 3
#define K_TRANSFER 4
#define P_SENT 1                 /* under way, and the version it names is the present one */
#define P_OK 2                   /* applied, the reply is under way */
#define P_FAIL 3                 /* refused, or cannot succeed any more */

byte owner = NONE; byte epoch;   /* the record */
byte owner_of[E + 1];            /* ghost: of each epoch */
bit act[N]; byte held[N];        /* serves, in this epoch */
bit knows[N]; byte seen[N];      /* has read the present version; the epoch it has read last */
byte pend[N]; byte at[N]; byte wish[N]; byte late[N]; byte late_wish[N];
byte high;                       /* the receiver: the highest epoch it knows */
byte top; byte top_by = NONE;    /* ghost: of what it has taken */
byte slow_epoch; byte slow_by;   /* an effect under way; epoch 0: none */
byte j; byte kind; byte turn;     /* within a step only, 0 between */

#define idle(i) (pend[i] == K_NO && late[i] == K_NO)
#define each_site j : 0 .. N - 1
#if N == 2
#define two_serve (act[0] && act[1])
#else
#define two_serve ((act[0] && act[1]) || (act[0] && act[2]) || (act[1] && act[2]))
#endif

/* ---- The arbiter. ---- */
inline changed() {
  for (each_site) {
    knows[j] = 0;
#ifdef BLIND
    if :: late[j] != K_TAKE -> late[j] = K_NO; late_wish[j] = 0 :: else -> skip fi;
    if :: pend[j] != K_TAKE && at[j] == P_SENT -> at[j] = P_FAIL :: else -> skip fi
#else
    late[j] = K_NO; late_wish[j] = 0;
    if :: at[j] == P_SENT -> at[j] = P_FAIL :: else -> skip fi
#endif
  };
  j = 0
}

inline grant(to) {
  owner = to; epoch = turn;
  assert(owner_of[turn] == NONE || owner_of[turn] == to);
  owner_of[turn] = to
}

inline apply(i) {
  changed();
  if
  :: kind == K_TAKE -> grant(i)
  :: kind == K_RENEW -> skip
  :: kind == K_RELEASE -> owner = NONE
  :: kind == K_TRANSFER -> grant((i + 1) % N)
  fi;
  kind = 0; turn = 0
}

/* ---- The receiver. ---- */
inline accept(carried, sender) {
  if
#ifdef UNCHECKED
  :: true ->
#else
  :: carried >= high ->
#endif
       assert(carried > top || (carried == top && (sender == top_by || top_by == NONE)));
       high = carried; top = carried; top_by = sender
  :: carried < high -> skip
  fi
}

/* ---- A site. ---- */
inline send(i, what, in_epoch) { pend[i] = what; at[i] = P_SENT; wish[i] = in_epoch }

/* An owner that has lost its epoch cannot know yet, but what it sends is refused. */
inline refuse_if_old(i) {
  if :: act[i] && (owner != i || epoch != held[i]) -> at[i] = P_FAIL :: else -> skip fi
}

inline no_request(i) { pend[i] = K_NO; at[i] = 0; wish[i] = 0 }

inline give_up(i) {
  if :: at[i] == P_SENT -> late[i] = pend[i]; late_wish[i] = wish[i] :: else -> skip fi;
  no_request(i)
}

inline stop_serving(i) { act[i] = 0; held[i] = 0 }

inline take_reply(i) {
  if
#ifdef BACKWARDS
  :: pend[i] == K_TAKE || pend[i] == K_RENEW ->
#else
  :: (pend[i] == K_TAKE || pend[i] == K_RENEW) && wish[i] >= seen[i] ->
#endif
       act[i] = 1; held[i] = wish[i]; knows[i] = 0;
       if :: wish[i] > seen[i] -> seen[i] = wish[i] :: else -> skip fi;
#ifdef OVERLAP
       assert(!two_serve);
#endif
       skip
  :: else -> skip
  fi;
  no_request(i)
}

/* What an owner reads: of another owner, or another epoch than its own, and it stops in the same step. */
proctype Poll(byte i) {
  do
  :: d_step {
       act[i] ->
         seen[i] = epoch;
#ifndef DEAF
         if :: owner != i || epoch != held[i] -> stop_serving(i) :: else -> skip fi;
#endif
         skip
     }
  od
}

#ifdef EARLY
#define may_cause(i) (act[i] || (pend[i] == K_TAKE && at[i] != P_FAIL))
#define epoch_of(i) (act[i] * held[i] + (1 - act[i]) * wish[i])
#else
#define may_cause(i) (act[i])
#define epoch_of(i) (held[i])
#endif

/* Each step is one of the arbiter with this site's request, of the site, of the receiver, or of fate. */
proctype Site(byte i) {
  do
  :: d_step { at[i] == P_SENT -> at[i] = P_OK; kind = pend[i]; turn = wish[i]; apply(i) }
  :: d_step {
       late[i] != K_NO -> kind = late[i]; turn = late_wish[i]; late[i] = K_NO; late_wish[i] = 0; apply(i)
     }
  :: d_step { late[i] != K_NO -> late[i] = K_NO; late_wish[i] = 0 }

  :: d_step { !act[i] && !knows[i] && pend[i] == K_NO -> knows[i] = 1; seen[i] = epoch }
  :: d_step { idle(i) && !act[i] && knows[i] && owner != i && seen[i] < E -> send(i, K_TAKE, seen[i] + 1) }
  :: d_step {
       idle(i) && (act[i] || (knows[i] && owner == i)) ->
         if :: act[i] -> send(i, K_RENEW, held[i]) :: else -> send(i, K_RENEW, seen[i]) fi;
         refuse_if_old(i)
     }
  :: d_step { idle(i) && act[i] -> send(i, K_RELEASE, held[i]); refuse_if_old(i); stop_serving(i) }
  :: d_step {
       idle(i) && act[i] && held[i] < E ->
         send(i, K_TRANSFER, held[i] + 1);
         refuse_if_old(i);
         stop_serving(i)
     }
  :: d_step { at[i] == P_OK -> take_reply(i) }
  :: d_step { at[i] == P_FAIL -> no_request(i) }
  :: d_step { pend[i] != K_NO -> give_up(i) }

  /* An effect arrives at once, or stays under way. */
  :: d_step { may_cause(i) -> assert(!act[i] || seen[i] <= held[i]); accept(epoch_of(i), i) }
  :: d_step { may_cause(i) && slow_epoch == 0 -> slow_epoch = epoch_of(i); slow_by = i }
  :: d_step { i == 0 && slow_epoch != 0 -> accept(slow_epoch, slow_by); slow_epoch = 0; slow_by = 0 }
  :: d_step { i == 0 && slow_epoch != 0 -> slow_epoch = 0; slow_by = 0 }
#ifdef AMNESIA
  :: d_step { i == 0 && high != 0 -> high = 0 }
#endif

  /* A crash. A site that is down is one that does not begin yet. */
  :: d_step { true -> give_up(i); stop_serving(i); knows[i] = 0; seen[i] = 0 }
  od
}

init {
  byte i;
  atomic {
    for (i : 0 .. E) { owner_of[i] = NONE };
    for (i : 0 .. N - 1) { run Site(i); run Poll(i) };
    i = 0
  }
}

ltl ends { [] (two_serve -> <> !two_serve) }
