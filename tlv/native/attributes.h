/* Reading message.field and message.method without CPython's way through type and descriptor.
 *
 * A class's fields, and methods that every message has, stand in a hash table by the address of their
 * interned names. It is used only as long as the class is what it was when every field was seen to
 * be its attribute: CPython gives a class another version tag when it, or a base of it, is changed.
 * Everything else, and what was replaced, goes the usual way, through the descriptors of fields.h.
 *
 * Ownership: the plan owns the slots, whose names and items are its own or, of methods, the module's;
 * the class has the rest of the table, and forgets it (version 0) before it drops its plan.
 */
#ifndef TLV_ATTRIBUTES_H
#define TLV_ATTRIBUTES_H

#include "bound.h"
#include "fields.h"

/* Methods of every message that are called for each of many. */
static const char *const quick_names[] = {"as_bytes", "write_into", "to_owned", "validate", "_payload"};
#define QUICK_METHODS (sizeof(quick_names) / sizeof(quick_names[0]))

static PyObject *get_bound(const Item *item, Message *m, const char *p)
{
    (void)p;
    return bound_new(plan_of(Py_TYPE(m))->state, (PyMethodDescrObject *)item->extra, (PyObject *)m);
}

/* Gives the module an item for each of them, as if it were a field. The methods are borrowed from the base
 * of all messages, which cannot be changed and which every message keeps. */
static int quick_methods_make(ModuleState *state)
{
    state->quick_methods = PyMem_Calloc(QUICK_METHODS, sizeof(Item));
    if (state->quick_methods == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (size_t i = 0; i < QUICK_METHODS; i++) {
        Item *item = &state->quick_methods[i];
        item->extra = PyObject_GetAttrString((PyObject *)state->message_type, quick_names[i]);
        item->name = PyUnicode_InternFromString(quick_names[i]);
        item->get = get_bound;
        Py_XDECREF(item->extra);
        if (item->extra == NULL || item->name == NULL || !Py_IS_TYPE(item->extra, &PyMethodDescr_Type)) {
            return -1;
        }
    }
    return 0;
}

static void quick_methods_clear(ModuleState *state)
{
    for (size_t i = 0; state->quick_methods != NULL && i < QUICK_METHODS; i++) {
        Py_CLEAR(state->quick_methods[i].name);
    }
    PyMem_Free(state->quick_methods);
    state->quick_methods = NULL;
}

static inline size_t attribute_slot(const Attributes *table, PyObject *name)
{
    return (size_t)((uint64_t)(uintptr_t)name * table->factor >> 32) & table->mask;
}

/* Puts an item into the table; returns whether it is not where it is looked for first. */
static int attributes_add(const Attributes *table, const Item *item)
{
    size_t at = attribute_slot(table, item->name);
    const int collides = table->slots[at].name != NULL;
    while (table->slots[at].name != NULL) {
        at = (at + 1) & table->mask;
    }
    table->slots[at] = (Attribute){item->name, item->get, item, item->offset, item->end};
    return collides;
}

/* Puts all names into the table, which is emptied, the fields first; returns how many collide. */
static Py_ssize_t attributes_fill(Plan *plan)
{
    const Attributes *table = &plan->attributes;
    Py_ssize_t collisions = 0;
    memset(table->slots, 0, (table->mask + 1) * sizeof(Attribute));
    for (Py_ssize_t i = 0; i < plan->count; i++) {
        collisions += attributes_add(table, &plan->items[i]);
    }
    for (size_t i = 0; i < QUICK_METHODS; i++) {
        collisions += attributes_add(table, &plan->state->quick_methods[i]);
    }
    return collisions;
}

/* Looks for a factor by which every name is found at once: where names lie is chance, so one of a few dozen does it. */
static int attributes_make(Plan *plan)
{
    Attributes *table = &plan->attributes;
    size_t slots = 4;
    while (slots < 4 * ((size_t)plan->count + QUICK_METHODS)) {
        slots *= 2;
    }
    table->slots = PyMem_Calloc(slots, sizeof(Attribute));
    table->mask = slots - 1;
    plan->refreshes_left = 1000;
    if (table->slots == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    Py_ssize_t fewest = PY_SSIZE_T_MAX;
    uint64_t best = 0;
    for (uint64_t i = 0; i < 64 && fewest > 0; i++) {
        table->factor = (2 * i + 1) * 0x9E3779B97F4A7C15u;
        Py_ssize_t collisions = attributes_fill(plan);
        if (collisions < fewest) {
            fewest = collisions;
            best = table->factor;
        }
    }
    table->factor = best;
    (void)attributes_fill(plan);
    return 0;
}

/* Whether the class is as it was declared. CPython gives it another tag when it is changed, or 0. */
static inline int attributes_hold(const Attributes *table, const PyTypeObject *type)
{
#ifdef Py_GIL_DISABLED
    (void)table, (void)type;
    return 0;
#else
    return LIKELY(table->version == (uint64_t)type->tp_version_tag + 1);
#endif
}

static inline int plan_is_current(const Plan *plan)
{
    return attributes_hold(attributes_of(plan->type), plan->type);
}

/* Whether each field is the attribute of its name, and `validate` what it was. */
static int plan_is_as_declared(Plan *plan)
{
    int same = 1;
    for (Py_ssize_t i = 0; same && i < plan->count; i++) {
        PyObject *found = PyObject_GetAttr((PyObject *)plan->type, plan->items[i].name);
        same = found != NULL && Py_IS_TYPE(found, plan->state->field_type) && ((Field *)found)->item == &plan->items[i];
        Py_XDECREF(found);
    }
    PyObject *found = same ? PyObject_GetAttrString((PyObject *)plan->type, "validate") : NULL;
    if (found != NULL && plan->rule != NULL) {
        PyObject *written = PyObject_GetAttrString(found, "__wrapped__");
        same = written == plan->rule;
        Py_XDECREF(written);
    }
    else {
        same = found != NULL && Py_IS_TYPE(found, &PyMethodDescr_Type);
    }
    Py_XDECREF(found);
    PyErr_Clear();
    return same;
}

/* Lets those methods be found that the class has as every message has them. */
static void plan_refresh_methods(Plan *plan)
{
    const Attributes *table = &plan->attributes;
    for (size_t at = 0; at <= table->mask; at++) {
        Attribute *attribute = &table->slots[at];
        if (attribute->get == get_bound) {
            PyObject *found = PyObject_GetAttr((PyObject *)plan->type, attribute->name);
            attribute->end = found == attribute->item->extra ? 0 : PY_SSIZE_T_MAX;
            Py_XDECREF(found);
        }
    }
    PyErr_Clear();
}

static RARE void plan_refresh(Plan *plan)
{
    Attributes *table = attributes_of(plan->type);
    table->version = 0;
    if (plan->refreshes_left == 0) {
        return; /* changed again and again: not worth it */
    }
    plan->refreshes_left--;
    if (!plan_is_as_declared(plan)) { /* which gives it a tag, where it had none */
        return;
    }
    const unsigned int seen = plan->type->tp_version_tag;
    plan_refresh_methods(plan);
    /* Once more: looking may run code that changes the class. */
    if (seen != 0 && plan_is_as_declared(plan) && seen == plan->type->tp_version_tag && plan_of(plan->type) == plan) {
        *table = plan->attributes;
        table->version = (uint64_t)seen + 1;
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
    PyTypeObject *type = Py_TYPE(self);
    const Attributes *table = attributes_of(type);
    if (LIKELY(attributes_hold(table, type))) {
        const Attribute *found = &table->slots[attribute_slot(table, name)];
        while (UNLIKELY(found->name != name) && found->name != NULL) {
            found = found == &table->slots[table->mask] ? table->slots : found + 1;
        }
        if (LIKELY(found->name == name && Py_SIZE(self) >= found->end)) {
            Message *m = (Message *)self;
            return found->get(found->item, m, m->data + found->offset);
        }
    }
    return message_getattro_usual(plan_of(type), self, name);
}

#endif
