/* What holds without any clock, in fast mode and in lease mode: one owner for each epoch, and what carries an older
 * epoch is refused. docs/failover-model.md says what is modelled, and to which rule each flag belongs.
 *
 * N sites, one arbiter that compares and swaps, one receiver of effects (a DNS name, a replica, a PBX that state is
 * put into). Any site may claim at any moment, an owner serves for as long as it has not read a later epoch:
 * whatever leases and promises allow is among that. Requests, replies and one effect are delayed without bound;
 * of two effects that contradict each other only the later one has to be late. Sites crash and restart without
 * memory. Epochs are real numbers here, up to E.
 *
 * Broken on purpose: BLIND a claim does not name the version it saw, UNCHECKED the receiver compares no epochs,
 *   AMNESIA it forgets the highest one, EARLY a site acts on a claim before the arbiter has confirmed it, DEAF an
 *   owner that has read a later epoch goes on. OVERLAP asserts what only lease mode has. The property `ends`,
 *   with weak fairness: whenever two serve, in the end they do not.
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
bit dead[N];
byte high;                       /* the receiver: the highest epoch it knows */
byte top; byte top_by = NONE;    /* ghost: of what it has taken */
byte slow_epoch; byte slow_by;   /* an effect under way; epoch 0: none */
byte j; byte what; byte turn;     /* within a step only, 0 between */

#define serves(i) (act[i] && !dead[i])
#define idle(i) (!dead[i] && pend[i] == K_NO && late[i] == K_NO)
#define each_site j : 0 .. N - 1
#if N == 2
#define two_serve (serves(0) && serves(1))
#else
#define two_serve ((serves(0) && serves(1)) || (serves(0) && serves(2)) || (serves(1) && serves(2)))
#endif

inline changed() {
  d_step {
    for (each_site) {
      knows[j] = 0;
#ifdef BLIND
      if :: late[j] != K_TAKE -> late[j] = K_NO; late_wish[j] = 0 :: else -> skip fi;
      if :: pend[j] != K_NO && pend[j] != K_TAKE && at[j] == P_SENT -> at[j] = P_FAIL :: else -> skip fi
#else
      late[j] = K_NO; late_wish[j] = 0;
      if :: pend[j] != K_NO && at[j] == P_SENT -> at[j] = P_FAIL :: else -> skip fi
#endif
    };
    j = 0
  }
}

inline grant(to, e) {
  d_step {
    owner = to; epoch = e;
    assert(owner_of[e] == NONE || owner_of[e] == to);
    owner_of[e] = to
  }
}

inline apply(i, kind, e) {
  changed();
  if
  :: kind == K_TAKE -> grant(i, e)
  :: kind == K_RENEW -> skip
  :: kind == K_RELEASE -> owner = NONE
  :: kind == K_TRANSFER -> grant((i + 1) % N, e)
  fi
}

inline send(i, kind, e) { d_step { pend[i] = kind; at[i] = P_SENT; wish[i] = e } }

/* An owner that has lost its epoch cannot know yet, but what it sends is refused. */
inline refuse_if_old(i) {
  if :: act[i] && (owner != i || epoch != held[i]) -> at[i] = P_FAIL :: else -> skip fi
}

inline no_request(i) { d_step { pend[i] = K_NO; at[i] = 0; wish[i] = 0 } }

inline give_up(i) {
  d_step {
    if
    :: pend[i] != K_NO && at[i] == P_SENT -> late[i] = pend[i]; late_wish[i] = wish[i]
    :: else -> skip
    fi
  }
  no_request(i)
}

inline stop_serving(i) { d_step { act[i] = 0; held[i] = 0 } }

inline accept(e, by) {
  if
#ifdef UNCHECKED
  :: true ->
#else
  :: e >= high ->
#endif
       assert(e > top || (e == top && (by == top_by || top_by == NONE)));
       high = e; top = e; top_by = by
  :: else -> skip
  fi
}

/* An effect arrives at once, or stays under way. */
inline cause(e, by) {
  if
  :: accept(e, by)
  :: slow_epoch == 0 -> slow_epoch = e; slow_by = by
  fi
}

proctype Arbiter() {
  byte i;
  do
  :: atomic {
       select (i : 0 .. N - 1);
       if
       :: pend[i] != K_NO && at[i] == P_SENT -> at[i] = P_OK; apply(i, pend[i], wish[i])
       :: late[i] != K_NO ->
            d_step { what = late[i]; turn = late_wish[i]; late[i] = K_NO; late_wish[i] = 0 };
            apply(i, what, turn);
            what = 0; turn = 0
       :: late[i] != K_NO -> late[i] = K_NO; late_wish[i] = 0
       fi;
       i = 0
     }
  :: atomic { slow_epoch != 0 -> accept(slow_epoch, slow_by); slow_epoch = 0; slow_by = 0 }
  :: atomic { slow_epoch != 0 -> slow_epoch = 0; slow_by = 0 }
#ifdef AMNESIA
  :: atomic { high != 0 -> high = 0 }
#endif
  od
}

/* What an owner reads: of another owner, or another epoch than its own, and it stops in the same step. */
proctype Poll(byte i) {
  do
  :: atomic {
       serves(i) ->
         seen[i] = epoch;
#ifndef DEAF
         if :: owner != i || epoch != held[i] -> stop_serving(i) :: else -> skip fi;
#endif
         skip
     }
  od
}

proctype Node(byte i) {
  do
  :: atomic { !dead[i] && !act[i] && !knows[i] && pend[i] == K_NO -> knows[i] = 1; seen[i] = epoch }
  :: atomic { idle(i) && !act[i] && knows[i] && owner != i && seen[i] < E -> send(i, K_TAKE, seen[i] + 1) }
  :: atomic {
       idle(i) && (act[i] || (knows[i] && owner == i)) ->
         if
         :: act[i] -> send(i, K_RENEW, held[i])
         :: else -> send(i, K_RENEW, seen[i])
         fi;
         refuse_if_old(i)
     }
  :: atomic { idle(i) && act[i] -> send(i, K_RELEASE, held[i]); refuse_if_old(i); stop_serving(i) }
  :: atomic { idle(i) && act[i] && held[i] < E -> send(i, K_TRANSFER, held[i] + 1); refuse_if_old(i); stop_serving(i) }
  :: atomic {
       !dead[i] && at[i] == P_OK ->
         if
         :: pend[i] == K_TAKE || pend[i] == K_RENEW -> act[i] = 1; held[i] = wish[i]; seen[i] = wish[i]; knows[i] = 0;
#ifdef OVERLAP
              assert(!two_serve)
#endif
         :: else -> skip
         fi;
         no_request(i)
     }
  :: atomic { !dead[i] && at[i] == P_FAIL -> no_request(i) }
  :: atomic { !dead[i] && pend[i] != K_NO -> give_up(i) }
  :: atomic {
       serves(i) ->
         assert(seen[i] <= held[i]);
         cause(held[i], i)
     }
#ifdef EARLY
  :: atomic { !dead[i] && pend[i] == K_TAKE && at[i] != P_FAIL -> cause(wish[i], i) }
#endif
  :: atomic { !dead[i] -> give_up(i); stop_serving(i); knows[i] = 0; seen[i] = 0; dead[i] = 1 }
  :: atomic { dead[i] -> dead[i] = 0 }
  od
}

init {
  byte i;
  atomic {
    for (i : 0 .. E) { owner_of[i] = NONE };
    for (i : 0 .. N - 1) { run Node(i); run Poll(i) };
    i = 0;
    run Arbiter()
  }
}

ltl ends { [] (two_serve -> <> !two_serve) }
