/* Reading message.field without CPython's way through type and descriptor.
 *
 * A class's fields stand in a hash table by the address of their interned names. It is used only as
 * long as the class is what it was when every field was seen to be its attribute: CPython gives a
 * class another version tag when it, or a base of it, is changed. Everything else, and every field
 * whose attribute was replaced, goes the usual way, through the descriptors of fields.h.
 *
 * Ownership: names are borrowed from the items of the same plan.
 */
#ifndef TLV_ATTRIBUTES_H
#define TLV_ATTRIBUTES_H

#include "fields.h"

static inline size_t attribute_slot(const Plan *plan, PyObject *name)
{
    return ((size_t)name >> 4 ^ (size_t)name >> 9) & plan->attribute_mask;
}

static int attributes_make(Plan *plan)
{
    size_t slots = 4;
    while (slots < 4 * (size_t)plan->count) {
        slots *= 2;
    }
    plan->attributes = PyMem_Calloc(slots, sizeof(Attribute));
    plan->attribute_mask = slots - 1;
    plan->refreshes_left = 1000;
    if (plan->attributes == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < plan->count; i++) {
        size_t at = attribute_slot(plan, plan->items[i].name);
        while (plan->attributes[at].name != NULL) {
            at = (at + 1) & plan->attribute_mask;
        }
        plan->attributes[at] = (Attribute){plan->items[i].name, &plan->items[i]};
    }
    return 0;
}

/* Whether the class is as it was declared. */
static inline int plan_is_current(const Plan *plan)
{
#ifdef Py_GIL_DISABLED
    return 0;
#else
    return LIKELY(plan->version == plan->type->tp_version_tag) && plan->version != 0;
#endif
}

/* Looks again whether each field is the attribute of its name, and `validate` what it was. */
static RARE void plan_refresh(Plan *plan)
{
    plan->version = 0;
    if (plan->refreshes_left == 0) {
        return; /* changed again and again: not worth it */
    }
    plan->refreshes_left--;
    for (Py_ssize_t i = 0; i < plan->count; i++) {
        PyObject *found = PyObject_GetAttr((PyObject *)plan->type, plan->items[i].name);
        int same = found != NULL && Py_IS_TYPE(found, plan->state->field_type) &&
                   ((Field *)found)->item == &plan->items[i];
        Py_XDECREF(found);
        if (!same) {
            PyErr_Clear();
            return;
        }
    }
    PyObject *found = PyObject_GetAttrString((PyObject *)plan->type, "validate");
    PyObject *written = found == NULL || plan->rule == NULL ? NULL : PyObject_GetAttrString(found, "__wrapped__");
    int same = found != NULL && (plan->rule != NULL ? written == plan->rule : Py_IS_TYPE(found, &PyMethodDescr_Type));
    Py_XDECREF(written);
    Py_XDECREF(found);
    PyErr_Clear();
    if (same) {
        plan->version = plan->type->tp_version_tag;
    }
}

/* Everything that is no field, and fields of a class that was changed. */
static RARE PyObject *message_getattro_usual(Plan *plan, PyObject *self, PyObject *name)
{
    if (plan != NULL && plan->type == Py_TYPE(self) && !plan_is_current(plan)) {
        plan_refresh(plan);
    }
    return PyObject_GenericGetAttr(self, name);
}

static PyObject *message_getattro(PyObject *self, PyObject *name)
{
    Plan *plan = plan_of(Py_TYPE(self));
    if (LIKELY(plan != NULL && plan_is_current(plan))) {
        size_t at = attribute_slot(plan, name);
        for (; LIKELY(plan->attributes[at].name != NULL); at = (at + 1) & plan->attribute_mask) {
            const Item *item = plan->attributes[at].item;
            if (LIKELY(plan->attributes[at].name == name && Py_SIZE(self) >= item->end)) {
                Message *m = (Message *)self;
                const char *p = m->data + item->offset;
                return item->get == get_i64 ? get_i64(item, m, p) : item->get(item, m, p);
            }
        }
    }
    return message_getattro_usual(plan, self, name);
}

#endif
