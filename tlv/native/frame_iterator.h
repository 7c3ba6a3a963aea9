/* Iterating over a frame: a view for each message, the place of each, or the place of each run.
 *
 * Ownership: an iterator holds its frame, and with it the table that holds the classes of the runs.
 */
#ifndef TLV_FRAME_ITERATOR_H
#define TLV_FRAME_ITERATOR_H

#include "walk.h"

/* What an iterator yields: as __iter__(), _walk() and _runs() of the twin. */
typedef enum { VIEWS, PLACES, RUNS } Yields;

/* TLVs of one type and length, one behind the other. */
typedef struct {
    Plan *plan;
    Py_ssize_t start;      /* of the first payload */
    Py_ssize_t count;      /* 0: no run */
    Py_ssize_t length;     /* of each payload */
    Py_ssize_t following;  /* where the payload of the next one would be */
} Run;

typedef struct {
    PyObject_HEAD
    Frame *frame;
    Walk walk;
    Yields yields;
    Run run;               /* begun by the TLV that ended the run before */
} FrameIterator;

static PyObject *frame_iterator(PyObject *self, Yields yields)
{
    PyTypeObject *type = ((Frame *)self)->state->frame_iterator_type;
    FrameIterator *iterator = PyObject_GC_New(FrameIterator, type);
    if (iterator != NULL) {
        iterator->frame = (Frame *)Py_NewRef(self);
        iterator->yields = yields;
        iterator->run = (Run){NULL, 0, 0, 0, 0};
        walk_start(&iterator->walk);
        PyObject_GC_Track(iterator);
    }
    return (PyObject *)iterator;
}

static PyObject *frame_iter(PyObject *self)
{
    return frame_iterator(self, VIEWS);
}

static PyObject *frame_walk(PyObject *self, PyObject *unused)
{
    (void)unused;
    return frame_iterator(self, PLACES);
}

static PyObject *frame_runs(PyObject *self, PyObject *unused)
{
    (void)unused;
    return frame_iterator(self, RUNS);
}

/* Whether a message may be read from its TLV: the twin makes a view to find out, and drops it. */
static inline int tlv_check(Frame *frame, const Tlv *tlv)
{
    if (LIKELY(tlv->known->fixed && tlv->length >= tlv->known->plan->size)) {
        return 0;
    }
    PyObject *view = tlv_view_checked(frame, tlv);
    Py_XDECREF(view);
    return view == NULL ? -1 : 0;
}

static PyObject *run_told(const Run *run)
{
    return Py_BuildValue("(Onnn)", run->plan->type, run->start, run->count, run->length);
}

static PyObject *frame_iterator_next_run(FrameIterator *self)
{
    Run run = self->run;
    Tlv tlv = {NULL, 0, 0};
    int more;
    self->run.count = 0;
    while ((more = walk_next(self->frame, &self->walk, &tlv)) > 0) {
        Plan *plan = tlv.known->plan;
        if (UNLIKELY(tlv_check(self->frame, &tlv) < 0)) {
            self->walk.at = self->frame->end;
            return NULL;
        }
        const Py_ssize_t following = tlv.payload + aligned(tlv.length) + TLV_HEADER;
        if (LIKELY(run.count != 0 && run.plan == plan && run.length == tlv.length && run.following == tlv.payload)) {
            run.count++;
            run.following = following;
            continue;
        }
        const Run next = {plan, tlv.payload, 1, tlv.length, following};
        if (run.count != 0) {
            self->run = next;
            return run_told(&run);
        }
        run = next;
    }
    return more < 0 || run.count == 0 ? NULL : run_told(&run);
}

static PyObject *frame_iterator_next(FrameIterator *self)
{
    if (self->yields == RUNS) {
        return frame_iterator_next_run(self);
    }
    Tlv tlv = {NULL, 0, 0};
    if (walk_next(self->frame, &self->walk, &tlv) <= 0) {
        return NULL;
    }
    if (self->yields == PLACES) {
        return Py_BuildValue("(Onn)", tlv.known->known, tlv.payload, tlv.length);
    }
    PyObject *view = tlv_view(self->frame, &tlv);
    if (view == NULL) {
        self->walk.at = self->frame->end; /* as a generator, which has ended when it raises */
    }
    return view;
}

static int frame_iterator_traverse(FrameIterator *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->frame);
    return 0;
}

static void frame_iterator_dealloc(FrameIterator *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    Py_XDECREF(self->frame);
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

static PyType_Slot frame_iterator_slots[] = {
    {Py_tp_dealloc, frame_iterator_dealloc}, {Py_tp_traverse, frame_iterator_traverse},
    {Py_tp_iter, PyObject_SelfIter},         {Py_tp_iternext, frame_iterator_next},
    {0, NULL},
};

static PyType_Spec frame_iterator_spec = {
    .name = "tlv._native.FrameIterator",
    .basicsize = sizeof(FrameIterator),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = frame_iterator_slots,
};

#endif
