/* Groups: the items that stand after the fixed block, as a sequence of views.
 *
 * Ownership: a Group holds its message, and with it the bytes, and the class of its items. The
 * views that it makes hold the owner of the bytes, not the group. Place and number of the items
 * were checked against the message, whose bytes neither move nor shrink; so no access checks again.
 * GroupBase is the compiled part of tlv.variable.GroupView, which adds what is rare.
 */
#ifndef TLV_GROUPS_H
#define TLV_GROUPS_H

#include "message.h"

typedef struct {
    PyObject_HEAD
    ModuleState *state;
    Message *message;   /* strong */
    PyTypeObject *item; /* strong */
    Py_ssize_t start;   /* in the message */
    Py_ssize_t count;
    Py_ssize_t step;
    Py_ssize_t size;    /* of the known part of an item */
} Group;

typedef struct {
    PyObject_HEAD
    Group *group;       /* strong */
    Py_ssize_t at;
} GroupIterator;

static PyObject *
group_new(ModuleState *state, PyTypeObject *item, Message *m, Py_ssize_t start, Py_ssize_t count, Py_ssize_t step)
{
    PyTypeObject *type = (PyTypeObject *)state->group_class;
    Plan *plan = plan_of(item);
    if (type == NULL || plan == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "the class of this group is no more");
        return NULL;
    }
    Group *group = (Group *)type->tp_alloc(type, 0);
    if (group != NULL) {
        group->state = state;
        group->message = (Message *)Py_NewRef((PyObject *)m);
        group->item = (PyTypeObject *)Py_NewRef((PyObject *)item);
        group->start = start;
        group->count = count;
        group->step = step;
        group->size = plan->size;
    }
    return (PyObject *)group;
}

static PyObject *group_new_refused(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    (void)args, (void)kwargs;
    PyErr_Format(PyExc_TypeError, "%s is made by reading a group", type->tp_name);
    return NULL;
}

static void group_dealloc(Group *self)
{
    PyTypeObject *type = Py_TYPE(self);
    Py_XDECREF(self->message);
    Py_XDECREF(self->item);
    type->tp_free(self);
    Py_DECREF(type);
}

static Py_ssize_t group_length(Group *self)
{
    return self->count;
}

static inline PyObject *group_view(Group *self, Py_ssize_t index)
{
    Message *m = self->message;
    const char *p = m->data + self->start + index * self->step;
    return message_view(self->state, self->item, message_owner(m), p, self->size);
}

static PyObject *group_subscript(Group *self, PyObject *key)
{
    if (PyIndex_Check(key)) {
        Py_ssize_t index = PyNumber_AsSsize_t(key, PyExc_IndexError);
        if (index == -1 && PyErr_Occurred()) {
            return NULL;
        }
        Py_ssize_t at = index < 0 ? index + self->count : index;
        if (at < 0 || at >= self->count) {
            PyErr_Format(PyExc_IndexError, "item %zd of a group of %zd", index, self->count);
            return NULL;
        }
        return group_view(self, at);
    }
    if (!PySlice_Check(key)) {
        PyErr_Format(PyExc_TypeError, "an index of a group is a number or a slice, not %s", Py_TYPE(key)->tp_name);
        return NULL;
    }
    Py_ssize_t start, stop, step;
    if (PySlice_Unpack(key, &start, &stop, &step) < 0) {
        return NULL;
    }
    Py_ssize_t length = PySlice_AdjustIndices(self->count, &start, &stop, step);
    PyObject *items = PyTuple_New(length);
    for (Py_ssize_t i = 0; items != NULL && i < length; i++) {
        PyObject *view = group_view(self, start + i * step);
        if (view == NULL) {
            Py_CLEAR(items);
        }
        else {
            PyTuple_SET_ITEM(items, i, view);
        }
    }
    return items;
}

static PyObject *group_iter(Group *self)
{
    GroupIterator *iterator = PyObject_New(GroupIterator, self->state->group_iterator_type);
    if (iterator != NULL) {
        iterator->group = (Group *)Py_NewRef((PyObject *)self);
        iterator->at = 0;
    }
    return (PyObject *)iterator;
}

static PyObject *group_iterator_next(GroupIterator *self)
{
    return self->at < self->group->count ? group_view(self->group, self->at++) : NULL;
}

static void group_iterator_dealloc(GroupIterator *self)
{
    PyTypeObject *type = Py_TYPE(self);
    Py_DECREF(self->group);
    PyObject_Free(self);
    Py_DECREF(type);
}

static PyObject *group_strided(Group *self, void *closure)
{
    (void)closure;
    return Py_BuildValue("(Onnn)", self->message, self->start, self->count, self->step);
}

static PyGetSetDef group_getset[] = {
    {"strided", (getter)group_strided, NULL, "Buffer, start, count and step in bytes, for column readers.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot group_slots[] = {
    {Py_tp_new, group_new_refused},  {Py_tp_dealloc, group_dealloc},       {Py_sq_length, group_length},
    {Py_mp_length, group_length},    {Py_mp_subscript, group_subscript},   {Py_tp_iter, group_iter},
    {Py_tp_getset, group_getset},    {0, NULL},
};

static PyType_Spec group_spec = {
    .name = "tlv._native.GroupView",
    .basicsize = sizeof(Group),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .slots = group_slots,
};

static PyType_Slot group_iterator_slots[] = {
    {Py_tp_dealloc, group_iterator_dealloc},
    {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, group_iterator_next},
    {0, NULL},
};

static PyType_Spec group_iterator_spec = {
    .name = "tlv._native.GroupIterator",
    .basicsize = sizeof(GroupIterator),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = group_iterator_slots,
};

#endif
