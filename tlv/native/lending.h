/* The memoryviews that as_bytes() lends: made once, used again, so that it allocates nothing.
 *
 * A memoryview is two objects, itself and its managed buffer. The module keeps a few of them, each
 * in a Loan. While a loan belongs to a message its memoryview shows the bytes of the message, and
 * does not hold it: the message holds the loan (m->lent), and whoever is the last of the two to be
 * needed finds the other one:
 *
 *   the memoryview is dropped first   the loan has the only reference left: it is idle. as_bytes()
 *                                     lends it again, to the same message or to another one.
 *   the message is dropped first      message_dealloc() finds the memoryview, or a part of it, in
 *                                     use, and hands over: the managed buffer gets a reference to
 *                                     the message, which lives on, and the loan forgets both. From
 *                                     then on all is as PyMemoryView_FromObject() makes it.
 *
 * So each as_bytes() gives a memoryview that nobody else has, as the twin does: while the one of a
 * message is in use, the next is made by CPython.
 *
 * Ownership: loan->view is a strong reference, loan->message borrowed and cleared by the message.
 * view.obj of the memoryview is the message, borrowed: what `memoryview.obj` tells. An idle loan
 * without a message shows no bytes at all, since the collector tells of every object there is.
 * Memoryviews that are lent hold nothing, so that the module need not have them traversed; and the
 * collector never clears them, since it does not see who has our reference.
 */
#ifndef TLV_LENDING_H
#define TLV_LENDING_H

#include "object.h"

#if KNOWS_MEMORYVIEWS

static inline int loan_is_idle(const Loan *loan)
{
    PyMemoryViewObject *view = VIEW_OF(loan->view);
    return Py_REFCNT(view) == 1 && Py_REFCNT(view->mbuf) == 1 && view->weakreflist == NULL;
}

/* Whether anybody else can still read: memoryviews that were not released, but ours. */
static inline int loan_is_read(const Loan *loan)
{
    PyMemoryViewObject *view = VIEW_OF(loan->view);
    const int alone = Py_REFCNT(view) == 1 && !(view->flags & _Py_MEMORYVIEW_RELEASED);
    return view->mbuf->exports > alone;
}

/* Lets an idle memoryview show these bytes, as if it were new. */
static inline void loan_show(Loan *loan, PyObject *of, const char *data, Py_ssize_t length)
{
    PyMemoryViewObject *view = VIEW_OF(loan->view);
    _PyManagedBufferObject *buffer = view->mbuf;
    if (UNLIKELY(view->flags & _Py_MEMORYVIEW_RELEASED)) {
        view->flags &= ~_Py_MEMORYVIEW_RELEASED;
        buffer->flags &= ~_Py_MANAGED_BUFFER_RELEASED;
        buffer->exports = 1;
        PyObject_GC_Track(buffer);
    }
    view->hash = -1;
    view->view.obj = of;
    view->view.buf = buffer->master.buf = (char *)data;
    view->view.len = view->view.shape[0] = buffer->master.len = length;
}

/* Parts a message from its memoryview. Whoever reads keeps the message from then on: it gets a
 * reference, also where it had none left. Returns whether somebody does. */
static int loan_end(Loan *loan)
{
    Message *m = loan->message;
    m->lent = NULL;
    loan->message = NULL;
#ifndef MYCELIUM_NO_FREELIST
    if (LIKELY(loan_is_idle(loan))) {
        loan_show(loan, NULL, no_bytes, 0);
        loan->state->loan_next = loan;
        return 0;
    }
#endif
    PyObject *view = loan->view;
    const int read = loan_is_read(loan);
    loan->view = NULL;
    if (read) {
        VIEW_OF(view)->mbuf->master.obj = Py_NewRef((PyObject *)m);
    }
    Py_DECREF(view); /* may run callbacks of weak references */
    return read;
}

static RARE Loan *loan_make(Loan *loan)
{
    PyObject *view = PyMemoryView_FromMemory(no_bytes, 0, PyBUF_READ); /* may run the collector, so anything */
    if (view == NULL) {
        return NULL;
    }
    if (loan->view != NULL || loan->state->loans_end == NULL) {
        Py_DECREF(view);
        return NULL;
    }
    loan->view = view;
    return loan;
}

/* A loan for a message that has none; NULL, with or without an exception, where there is none. */
static Loan *loan_begin(ModuleState *state, Message *m)
{
    Loan *loan = state->loan_next;
    if (state->loans_end == NULL) {
        return NULL;
    }
    state->loan_next = loan + 1 == state->loans_end ? state->loans : loan + 1;
    if (loan->message != NULL) {
        loan_end(loan);
        if (UNLIKELY(loan->message != NULL)) {
            return NULL;
        }
    }
    if (loan->view != NULL && !loan_is_idle(loan)) {
        Py_CLEAR(loan->view); /* found through the collector */
    }
    if (loan->view == NULL && loan_make(loan) == NULL) {
        return NULL;
    }
    if (UNLIKELY(loan->message != NULL || m->lent != NULL)) {
        return NULL; /* some other code was quicker */
    }
    loan->message = m;
    m->lent = loan;
    return loan;
}

#endif

/* Ends the loan of a message that nobody refers to. 1: its memoryview keeps it. */
static inline int lent_outlives(Message *m)
{
#if KNOWS_MEMORYVIEWS
    return UNLIKELY(m->lent != NULL) && loan_end(m->lent);
#else
    (void)m;
    return 0;
#endif
}

/* A memoryview of the message that nobody else has. */
static PyObject *message_lend(ModuleState *state, Message *m)
{
#if KNOWS_MEMORYVIEWS
    Loan *loan = m->lent != NULL ? m->lent : loan_begin(state, m);
    if (LIKELY(loan != NULL && loan_is_idle(loan))) {
        loan_show(loan, (PyObject *)m, m->data, Py_SIZE(m));
        return Py_NewRef(loan->view);
    }
    if (loan == NULL && PyErr_Occurred()) {
        return NULL;
    }
#else
    (void)state;
#endif
    return PyMemoryView_FromObject((PyObject *)m);
}

static void loans_open(ModuleState *state)
{
    for (int i = 0; i < LOANS_MAX; i++) {
        state->loans[i].state = state;
    }
    state->loan_next = state->loans;
    state->loans_end = knows_memoryviews() ? state->loans + LOANS_MAX : NULL;
}

static void loans_close(ModuleState *state)
{
    state->loans_end = NULL;
#if KNOWS_MEMORYVIEWS
    for (int i = 0; i < LOANS_MAX; i++) {
        if (state->loans[i].message != NULL) {
            loan_end(&state->loans[i]);
        }
        Py_CLEAR(state->loans[i].view);
    }
#endif
}

#endif
