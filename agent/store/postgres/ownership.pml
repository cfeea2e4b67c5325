/*
 * ownership.pml - the protocol of owner.c, transact.c and succession.c, of which spin goes through every order of events:
 * tests/lint/spin.sh, which says how.
 *
 * Two agents, and a database of a primary and a standby. What is left out makes more possible than there is: an agent
 * may be taken at any time, as if every lease had run out (so whatever clocks do, however long a process is
 * paused, release and handover are in it), and what was sent may be carried out long after its connection was
 * lost, or never.
 *
 * A transaction locks the agent's row, goes into the primary's log, and is seen and answered when the standby has it.
 * Till then others wait for the lock. It is seen without that where somebody cancels the wait, or the primary starts anew.
 *
 * Invariants, each an assertion where it could break:
 *   one committer   a batch is stored under the boot that counts at that moment
 *   no loss         what was acknowledged is in the log, also in that of a promoted standby
 *   no ghost        what was refused is not in the log, and never comes into it
 *   once            no batch is there twice
 *   one past        an owner finds again what it has left
 *
 * Faults that can be planted, each of which must be found:
 *   NO_CHECK        studio_own does not ask whose agent it is
 *   NO_LINE         nor over which of his connections (NO_BOOT and NO_NUMBER alone are not missed: each is asked for twice)
 *   ASYNC           the standby is not waited for
 *   HASTY           a loser that cannot ask what the next one found takes its batch for not stored
 *   LIGHT           it believes what it reads there, though the standby may not have it
 */
#ifndef BATCHES
#define BATCHES 2    /* updates that clients send, to whoever serves */
#endif
#ifndef TAKES
#define TAKES 3      /* ownerships */
#endif
#ifndef CUTS
#define CUTS 2       /* connections lost */
#endif
#ifndef KILLS
#define KILLS 1      /* agents killed */
#endif
#ifndef CANCELS
#define CANCELS 1    /* waits for the standby cancelled */
#endif
#ifndef RESTARTS
#define RESTARTS 1   /* of the primary */
#endif
#ifndef PROMOTIONS
#define PROMOTIONS 1 /* of the standby */
#endif
#ifndef RENEWALS
#define RENEWALS 1   /* transactions without a batch */
#endif

#define LOG   16
#define SLOTS 2     /* requests of an agent that the database has: of its connection, and of one that was lost */
#define NOBODY 2

mtype = { TAKE, WRITE, FENCE, SUCCESSOR };   /* what is asked */
mtype = { YES, NO, LOST };                   /* what is heard; NO: it is another's */
mtype = { FRESH, ACKED, REFUSED };           /* what a client knows of its batch */

/* What the agent's row says behind each record of the log, and the batch that came with it. */
typedef record { byte boot; byte line; byte writes; byte batch }
record log[LOG + 1];
byte last;                 /* on the primary's disk */
byte copied;              /* of it, on the standby's */
byte seen;                /* of it, by other transactions; less than last: the last one holds the lock */
byte after[TAKES + 1];    /* studio_boots: how far the one before had come, for each boot */
byte waiter = NOBODY;     /* whose transaction waits for the standby; over this connection */
byte waiter_over;

typedef request { bool there; mtype what; byte over; byte boot; byte line; byte writes; byte batch }
request asked[2 * SLOTS];

/* An agent's connection has a number; what comes over an older one is not heard. */
typedef wire { byte number; bool dead; bool waiting; bool heard; mtype answer; byte boot; byte line; byte writes }
wire wires[2];

mtype known[BATCHES + 1] = FRESH;
byte batches, takes, cuts, kills, cancels, restarts, promotions, renewals;

/* --- what must hold -------------------------------------------------------------------------------- */

byte n, times;

inline count(batch_)
{
    times = 0;
    for (n : 1 .. last) { times = times + (log[n].batch == batch_) }
    n = 0
}

inline acknowledge(batch_)
{
    if
    :: batch_ > 0 -> count(batch_); assert(times == 1); known[batch_] = ACKED
    :: else
    fi
}

inline refuse(batch_)
{
    if
    :: batch_ > 0 -> count(batch_); assert(times == 0); known[batch_] = REFUSED
    :: else
    fi
}

inline nothing_is_lost()
{
    byte b_;
    for (b_ : 1 .. BATCHES) {
        if
        :: known[b_] == ACKED -> count(b_); assert(times == 1)
        :: else
        fi
    }
    b_ = 0; times = 0
}

/* --- the database ---------------------------------------------------------------------------------- */

/* What the transaction that waits, or has just been carried out, will be answered. */
byte said_boot, said_line, said_writes;

inline tell(who, over_, what_)
{
    if
    :: wires[who].waiting && !wires[who].heard && wires[who].number == over_ ->
        wires[who].heard = true; wires[who].answer = what_;
        if
        :: what_ == YES ->
            wires[who].boot = said_boot; wires[who].line = said_line; wires[who].writes = said_writes
        :: else
        fi
    :: else /* nobody listens */
    fi;
    said_boot = 0; said_line = 0; said_writes = 0
}

/* It is on the disk, and holds the lock until the standby has it. */
inline commit(who, over_)
{
#ifdef ASYNC
    seen = last;
    tell(who, over_, YES)
#else
    waiter = who; waiter_over = over_
#endif
}

inline append(boot_, line_, writes_, batch_)
{
    assert(last < LOG);
    last++;
    log[last].boot = boot_; log[last].line = line_; log[last].writes = writes_; log[last].batch = batch_
}

inline say(boot_, line_, writes_)
{
    said_boot = boot_; said_line = line_; said_writes = writes_
}

inline forget(i_)
{
    asked[i_].there = false; asked[i_].what = 0; asked[i_].over = 0;
    asked[i_].boot = 0; asked[i_].line = 0; asked[i_].writes = 0; asked[i_].batch = 0
}

/* What studio_own asks for. */
#if defined(NO_BOOT) || defined(NO_CHECK)
#define MY_BOOT(i) true
#else
#define MY_BOOT(i) asked[i].boot == log[last].boot
#endif
#if defined(NO_LINE) || defined(NO_CHECK)
#define MY_LINE(i) true
#else
#define MY_LINE(i) asked[i].line == log[last].line
#endif
#ifdef NO_NUMBER
#define NEXT_NUMBER(i) true
#else
#define NEXT_NUMBER(i) asked[i].writes == log[last].writes + 1
#endif

inline carry_out(i, who)
{
    if
    :: asked[i].what == TAKE ->
        after[log[last].boot + 1] = log[last].writes;
        append(log[last - 1].boot + 1, log[last - 1].line + 1, log[last - 1].writes, 0);
        say(log[last].boot, log[last].line, log[last].writes);
        commit(who, asked[i].over)
    :: asked[i].what == FENCE && asked[i].boot == log[last].boot ->
        append(log[last - 1].boot, log[last - 1].line + 1, log[last - 1].writes, 0);
        say(log[last].boot, log[last].line, log[last].writes);
        commit(who, asked[i].over)
    :: asked[i].what == WRITE && MY_BOOT(i) && MY_LINE(i) && NEXT_NUMBER(i) ->
        assert(asked[i].boot == log[last].boot);         /* one committer */
        if
        :: asked[i].batch > 0 ->
            count(asked[i].batch);
            assert(times == 0);                         /* once */
            assert(known[asked[i].batch] != REFUSED)    /* no ghost */
        :: else
        fi;
        append(log[last - 1].boot, log[last - 1].line, asked[i].writes, asked[i].batch);
        say(log[last].boot, log[last].line, log[last].writes);
        commit(who, asked[i].over)
    :: asked[i].what == SUCCESSOR && log[last].boot > asked[i].boot ->
#ifdef LIGHT
        say(0, 0, after[asked[i].boot + 1]);
        tell(who, asked[i].over, YES)
#else
        /* It says in the same transaction that it waits now: so what it is told the standby has, too. */
        append(log[last - 1].boot, log[last - 1].line, log[last - 1].writes, 0);
        say(0, 0, after[asked[i].boot + 1]);
        commit(who, asked[i].over)
#endif
    :: else -> tell(who, asked[i].over, NO)
    fi;
    forget(i)
}

/* The agent's connection is lost, whether it knows or not; what it has sent over it may still be carried out. */
inline lose(who)
{
    wires[who].number++;
    if
    :: wires[who].waiting && !wires[who].heard -> wires[who].heard = true; wires[who].answer = LOST
    :: else -> wires[who].dead = true
    fi
}

/* The server has gone, and with it what it was sent. */
inline lose_all()
{
    forget(0); forget(1); forget(2); forget(3);
    lose(0);
    lose(1);
    waiter = NOBODY; waiter_over = 0; said_boot = 0; said_line = 0; said_writes = 0
}

active proctype database()
{
end:
    do
    /* One request, of either agent, of this connection or of an older one. */
    :: d_step { last == seen && asked[0].there -> carry_out(0, 0) }
    :: d_step { last == seen && asked[1].there -> carry_out(1, 0) }
    :: d_step { last == seen && asked[2].there -> carry_out(2, 1) }
    :: d_step { last == seen && asked[3].there -> carry_out(3, 1) }
    /* The standby has a record more. */
    :: d_step { copied < last ->
           copied++;
           if
           :: copied == last && waiter != NOBODY ->
               seen = last;
               tell(waiter, waiter_over, YES);
               waiter = NOBODY; waiter_over = 0
           :: else
           fi }
    od
}

/* --- what happens to them -------------------------------------------------------------------------- */

active proctype trouble()
{
end:
    do
    :: d_step { cuts < CUTS -> cuts++; lose(0) }
    :: d_step { cuts < CUTS -> cuts++; lose(1) }
    /* What was sent over a connection that is no more, and never arrives. */
    :: d_step { asked[0].there && asked[0].over != wires[0].number -> forget(0) }
    :: d_step { asked[1].there && asked[1].over != wires[0].number -> forget(1) }
    :: d_step { asked[2].there && asked[2].over != wires[1].number -> forget(2) }
    :: d_step { asked[3].there && asked[3].over != wires[1].number -> forget(3) }
    /* Somebody cancels the wait: it is seen, and counts as not answered. */
    :: d_step { cancels < CANCELS && waiter != NOBODY ->
           cancels++; seen = last;
           tell(waiter, waiter_over, LOST);
           waiter = NOBODY; waiter_over = 0 }
    /* The primary starts anew: what is on its disk is seen. */
    :: d_step { restarts < RESTARTS -> restarts++; seen = last; lose_all() }
    /* It is gone for good, and the standby is promoted; the next standby begins as a copy of it. */
    :: d_step { promotions < PROMOTIONS ->
           promotions++;
           do
           :: last > copied ->
               log[last].boot = 0; log[last].line = 0; log[last].writes = 0; log[last].batch = 0; last--
           :: else -> break
           od;
           seen = last;
           lose_all();
           nothing_is_lost() }
    od
}

/* --- an agent -------------------------------------------------------------------------------------- */

/* Its connection has failed before: then it is not sent, and that is noticed now. */
inline send(what_, writes_, batch_)
{
    atomic {
        !asked[2 * me].there || !asked[2 * me + 1].there;
        at = (asked[2 * me].there -> 2 * me + 1 : 2 * me);
        wires[me].waiting = true; wires[me].heard = false;
        if
        :: wires[me].dead -> wires[me].heard = true; wires[me].answer = LOST
        :: else ->
            asked[at].there = true; asked[at].what = what_; asked[at].over = wires[me].number;
            asked[at].boot = boot; asked[at].line = line; asked[at].writes = writes_; asked[at].batch = batch_
        fi;
        wires[me].dead = false; at = 0
    }
}

inline hear()
{
    wires[me].waiting = false; wires[me].heard = false;
    wires[me].boot = 0; wires[me].line = 0; wires[me].writes = 0
}

/* While it waits it may be killed; the batch in its hands is nobody's then. */
#define KILLED atomic { kills < KILLS && !wires[me].heard -> kills++; lose(me); wires[me].dead = false; hear(); goto standby }

proctype agent(byte me)
{
    byte boot, line, writes, batch, number, at;
    bool doubt, ours;

standby: /* it takes the agent when it can; it may be killed and started again here as well */
    atomic { boot = 0; line = 0; writes = 0; batch = 0; number = 0; doubt = false }
end:
    d_step { takes < TAKES -> takes++ }
    send(TAKE, 0, 0);
    if
    :: atomic { wires[me].heard && wires[me].answer == YES ->
           boot = wires[me].boot; line = wires[me].line; writes = wires[me].writes; hear() }
    :: atomic { wires[me].heard && wires[me].answer != YES -> hear(); goto standby }
    :: KILLED
    fi;

end_owner:
    if
    :: d_step { batches < BATCHES -> batches++; batch = batches }
    :: d_step { renewals < RENEWALS -> renewals++ }
    :: atomic { wires[me].dead -> wires[me].dead = false; goto resume } /* it has noticed */
    :: atomic { takes < TAKES -> goto standby }                          /* it leaves it to whoever comes */
    fi;

write:
    number = writes + 1;
    send(WRITE, number, batch);
    if
    :: d_step { wires[me].heard && wires[me].answer == YES ->
           hear(); writes = number; acknowledge(batch); batch = 0; number = 0 } goto end_owner
    :: d_step { wires[me].heard && wires[me].answer == NO ->             /* it was not carried out */
           hear(); refuse(batch); batch = 0; number = 0; lose(me); wires[me].dead = false }
    :: d_step { wires[me].heard && wires[me].answer == LOST -> hear(); doubt = true }
    :: KILLED
    fi;

resume: /* a new connection, a new line: what is under way over the old one comes to nothing */
    send(FENCE, 0, 0);
    if
    :: d_step { wires[me].heard && wires[me].answer == YES ->
           line = wires[me].line;
           if
           :: doubt -> assert(wires[me].writes == number || wires[me].writes == number - 1)
           :: else -> assert(wires[me].writes == writes)                 /* one past */
           fi;
           ours = doubt && wires[me].writes == number;
           writes = wires[me].writes; hear() }
       if
       :: d_step { doubt && ours -> acknowledge(batch); batch = 0; number = 0; doubt = false; ours = false }
          goto end_owner
       :: d_step { doubt && !ours -> refuse(batch); batch = 0; number = 0; doubt = false } goto end_owner
       :: d_step { doubt && !ours -> number = 0; doubt = false } goto write /* once more, for nobody was told */
       :: !doubt -> goto end_owner
       fi
    :: atomic { wires[me].heard && wires[me].answer == NO -> hear() }    /* another's: what has he found? */
    :: atomic { wires[me].heard && wires[me].answer == LOST -> hear(); goto resume }
    :: KILLED
    fi;

    send(SUCCESSOR, 0, 0);
    if
    :: d_step { wires[me].heard && wires[me].answer == YES ->
           ours = doubt && wires[me].writes >= number; hear();
           if
           :: ours -> acknowledge(batch)
           :: doubt && !ours -> refuse(batch)
           :: else
           fi;
           ours = false } goto standby
#ifdef HASTY
    :: d_step { wires[me].heard && wires[me].answer != YES ->
           hear();
           if
           :: doubt -> refuse(batch)
           :: else
           fi } goto standby
#else
    :: atomic { wires[me].heard && wires[me].answer == LOST -> hear(); goto resume }
    :: d_step { wires[me].heard && wires[me].answer == NO -> hear(); assert(false) } /* there is another */
#endif
    :: KILLED
    fi
}

init { atomic { run agent(0); run agent(1) } }
