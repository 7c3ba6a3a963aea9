/* Iterating over a frame: a view for each message, or the place of each.
 *
 * Ownership: an iterator holds its frame.
 */
#ifndef TLV_FRAME_ITERATOR_H
#define TLV_FRAME_ITERATOR_H

#include "walk.h"

typedef struct {
    PyObject_HEAD
    Frame *frame;
    Walk walk;
    int is_walk;       /* yields what _walk() of the twin yields */
} FrameIterator;

static PyObject *frame_iterator(PyObject *self, int is_walk)
{
    PyTypeObject *type = ((Frame *)self)->state->frame_iterator_type;
    FrameIterator *iterator = PyObject_GC_New(FrameIterator, type);
    if (iterator != NULL) {
        iterator->frame = (Frame *)Py_NewRef(self);
        iterator->is_walk = is_walk;
        walk_start(&iterator->walk);
        PyObject_GC_Track(iterator);
    }
    return (PyObject *)iterator;
}

static PyObject *frame_iter(PyObject *self)
{
    return frame_iterator(self, 0);
}

static PyObject *frame_walk(PyObject *self, PyObject *unused)
{
    (void)unused;
    return frame_iterator(self, 1);
}

static PyObject *frame_iterator_next(FrameIterator *self)
{
    Tlv tlv = {NULL, 0, 0};
    if (walk_next(self->frame, &self->walk, &tlv) <= 0) {
        return NULL;
    }
    if (self->is_walk) {
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
