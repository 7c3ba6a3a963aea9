/* The plan of a message class: its layout compiled into a table that C can walk.
 *
 * Ownership: a Plan holds strong references to all it names. The class holds its plan, each Field
 * descriptor and each builtin of the class does too. Cycles (class -> plan -> class) are found by
 * the collector through plan_traverse() and broken at the class, so a plan needs no tp_clear and
 * is complete as long as it lives.
 *
 * Invariant: every item ends within plan->size; a reader checks the size of the message once.
 */
#ifndef TLV_PLAN_H
#define TLV_PLAN_H

#include "numbers.h"

typedef struct item Item;
typedef struct plan Plan;

/* Reads the value that stands at p, in the bytes of m; a new reference. */
typedef PyObject *(*Getter)(const Item *item, Message *m, const char *p);
/* Writes a value to p; -1 with an exception set. May run Python code. */
typedef int (*Putter)(const Item *item, PyObject *value, char *p);

enum variable_kind { FIXED = 0, VARIABLE_BYTES, VARIABLE_TEXT, GROUP };

struct item {
    Getter get;            /* the outer pair knows of None, the inner one does not */
    Putter put;
    Getter get_inner;
    Putter put_inner;
    Py_ssize_t offset;
    Py_ssize_t end;        /* offset + size */
    Py_ssize_t size;
    Py_ssize_t count;      /* arrays: how many elements */
    Item *element;         /* arrays: what they are made of; owned */
    Plan *plan;            /* the plan that this belongs to; borrowed */
    PyObject *name;        /* interned; NULL for an element */
    PyObject *default_value; /* or NULL */
    PyObject *codec;       /* the Kind of the Python twin, for what is rare */
    PyObject *extra;       /* enum: {number: member}; nested, group: the class; a method: its descriptor */
    PyObject *members;     /* enum: the class if its members are ints of their own value, else NULL */
    SpareInt spare;        /* integers of up to 64 bits: the one that was read last */
    PyObject *const *small_ints; /* of the module */
    int64_t low;           /* integers of up to 64 bits */
    uint64_t high;
    double null_number;    /* floats */
    char null_bytes[32];   /* all others; only where is_optional */
    char *null_long;       /* where 32 bytes do not suffice; owned */
    uint8_t is_signed;
    uint8_t big;
    uint8_t is_optional;
    uint8_t is_float;
    uint8_t is_null_nan;
    uint8_t is_bool;
    uint8_t is_integer;    /* 1 to 32 bytes, no enum or decimal */
    uint8_t variable;      /* enum variable_kind */
    Py_ssize_t digits;     /* decimals */
    Py_ssize_t group_size; /* groups: bytes of an item */
};

/* A field, or a method of every message, by the address of its interned name; see attributes.h. */
typedef struct {
    PyObject *name;        /* borrowed from the item; NULL: an empty slot */
    Getter get;            /* as the item has it, to be found with one step less */
    const Item *item;
    Py_ssize_t offset;
    Py_ssize_t end;        /* PY_SSIZE_T_MAX: never to be found here */
} Attribute;

/* A hash table of the fields of a class, as long as these are its attributes. */
typedef struct {
    uint64_t version;      /* one more than the tp_version_tag of the class when it was so; 0: not so */
    uint64_t factor;
    size_t mask;           /* there are mask + 1 slots */
    Attribute *slots;      /* owned by the plan */
} Attributes;

/* One compiled constraint; see checks.h. */
typedef struct check Check;

struct plan {
    PyObject_HEAD
    ModuleState *state;    /* of module */
    PyObject *module;
    PyObject *name;        /* str: for messages of errors */
    PyObject *fallback;    /* tlv.native_core.Fallback: all that is rare, in Python */
    PyTypeObject *type;    /* the class, once it is made */
    Py_ssize_t size;       /* of the fixed block */
    Py_ssize_t count;      /* of items */
    Py_ssize_t required;   /* the first that many have no default */
    Py_ssize_t variable_count;
    Item *items;
    Py_ssize_t *order;     /* in which the twin encodes: variable fields, converted ones, plain ones */
    Py_ssize_t check_count;
    Check *checks;
    int checks_complete;   /* whether they are all that the class demands */
    PyObject *rule;        /* the class's own validate(), as it was written; or NULL */
    int big;
    Attributes attributes; /* the table, its version aside */
    int refreshes_left;
    Message *free_owned;   /* blocks for owned messages of `size` bytes, linked by owner */
    Py_ssize_t free_count;
    unsigned int wire_tag; /* version tag of the class when the next three were so; 0: not known; see writer.h */
    uint16_t wire_type;
    uint8_t wire_version;
    uint8_t wire_emplaces; /* whether emplace() of the class is that of this plan */
};

/* A class made by the metatype. The plan stands behind CPython's own part. */
typedef struct {
    PyHeapTypeObject heap;
    Plan *plan;            /* strong; NULL for TLV itself, and once the collector cleared the class */
    Attributes attributes; /* of the plan; version 0 where there is none */
} MessageClass;

static inline Plan *plan_of(PyTypeObject *type)
{
    return ((MessageClass *)type)->plan;
}

static inline Attributes *attributes_of(PyTypeObject *type)
{
    return &((MessageClass *)type)->attributes;
}

static inline Py_ssize_t aligned(Py_ssize_t size)
{
    return (size + 7) & ~(Py_ssize_t)7;
}

/* Calls a method of the plan's fallback and drops what it returns: it is there to raise.
 * Returns -1 with an exception set in any case. */
static int plan_raise(Plan *plan, const char *method, PyObject *arguments)
{
    if (arguments != NULL) {
        PyObject *bound = PyObject_GetAttrString(plan->fallback, method);
        PyObject *result = bound == NULL ? NULL : PyObject_Call(bound, arguments, NULL);
        Py_XDECREF(bound);
        Py_DECREF(arguments);
        if (result != NULL) {
            Py_DECREF(result);
            PyErr_Format(PyExc_RuntimeError, "%U changed while it was read", plan->name);
        }
    }
    return -1;
}

static int plan_traverse(Plan *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->module);
    Py_VISIT(self->fallback);
    Py_VISIT(self->type);
    Py_VISIT(self->rule);
    for (Py_ssize_t i = 0; self->items != NULL && i < self->count; i++) {
        for (Item *item = &self->items[i]; item != NULL; item = item->element) {
            Py_VISIT(item->default_value);
            Py_VISIT(item->codec);
            Py_VISIT(item->extra);
            Py_VISIT(item->members);
        }
    }
    return 0;
}

static void free_owned_clear(Plan *plan);
static void checks_free(Check *checks, Py_ssize_t count);

static void item_clear(Item *item)
{
    Py_CLEAR(item->name);
    Py_CLEAR(item->default_value);
    Py_CLEAR(item->codec);
    Py_CLEAR(item->extra);
    Py_CLEAR(item->members);
    PyMem_Free(item->null_long);
    Py_CLEAR(item->spare.made);
    if (item->element != NULL) {
        item_clear(item->element);
        PyMem_Free(item->element);
    }
}

static void plan_dealloc(Plan *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    checks_free(self->checks, self->check_count); /* they look at the items */
    for (Py_ssize_t i = 0; self->items != NULL && i < self->count; i++) {
        item_clear(&self->items[i]);
    }
    PyMem_Free(self->items);
    PyMem_Free(self->order);
    PyMem_Free(self->attributes.slots);
    free_owned_clear(self);
    Py_XDECREF(self->rule);
    Py_XDECREF(self->type);
    Py_XDECREF(self->fallback);
    Py_XDECREF(self->name);
    Py_XDECREF(self->module);
    type->tp_free(self);
    Py_DECREF(type);
}

#endif
