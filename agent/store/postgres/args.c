/* args.c - arguments and results in PostgreSQL's binary format. */
#include <endian.h>
#include <limits.h>
#include <stdio.h>

#include "store/postgres/link.h"

enum { COLUMN_MAX = 256 * 1024 * 1024, HEAD_WORDS = 5 };

static void add_u32(struct buf *bytes, uint32_t n)
{
    uint32_t wire = htobe32(n);
    buf_add(bytes, &wire, sizeof wire);
}

/* The head is put in when all is known: dimensions, has it NULLs, type, length, first index. */
void column_begin(struct column *column, enum column_type type)
{
    *column = (struct column){.type = type};
    buf_init(&column->bytes, COLUMN_MAX);
    for (int i = 0; i < HEAD_WORDS; i++)
        add_u32(&column->bytes, 0);
}

void column_add(struct column *column, const void *bytes, size_t len)
{
    column->count++;
    column->nulls |= !bytes;
    add_u32(&column->bytes, bytes ? (uint32_t)len : UINT32_MAX);
    if (bytes)
        buf_add(&column->bytes, bytes, len);
}

void column_i64(struct column *column, int64_t n)
{
    uint64_t wire = htobe64((uint64_t)n);
    column_add(column, &wire, sizeof wire);
}

void column_str(struct column *column, const char *text)
{
    column_add(column, text, text ? strlen(text) : 0);
}

void column_finish(struct column *column)
{
    buf_finish(&column->bytes);
}

void args_add(struct args *args, const void *bytes, size_t len)
{
    if (args->count == LINK_ARGS_MAX || len > INT_MAX) {
        args->failed = true;
        return;
    }
    args->values[args->count] = bytes;
    args->lengths[args->count++] = (int)len;
}

void args_i64(struct args *args, int64_t n)
{
    if (args->count < LINK_ARGS_MAX)
        args->numbers[args->count] = (int64_t)htobe64((uint64_t)n);
    args_add(args, args->count < LINK_ARGS_MAX ? &args->numbers[args->count] : NULL, sizeof n);
}

void args_u64(struct args *args, uint64_t n)
{
    args_i64(args, n > INT64_MAX ? INT64_MAX : (int64_t)n);
}

void args_str(struct args *args, const char *text)
{
    args_add(args, text, text ? strlen(text) : 0);
}

void args_column(struct args *args, struct column *column)
{
    const uint32_t head[HEAD_WORDS] = {htobe32(1), htobe32(column->nulls),
                                       htobe32((uint32_t)column->type), htobe32(column->count),
                                       htobe32(1)};
    if (!buf_ok(&column->bytes)) {
        args->failed = true;
        return;
    }
    memcpy(column->bytes.data, head, sizeof head);
    args_add(args, column->bytes.data, column->bytes.len);
}

struct args args_begin(const char *agent_id)
{
    struct args args = {.count = 0};
    args_str(&args, agent_id);
    return args;
}

int64_t row_i64(const PGresult *rows, int row, int column)
{
    uint64_t wire = 0;
    if (PQgetlength(rows, row, column) == (int)sizeof wire)
        memcpy(&wire, PQgetvalue(rows, row, column), sizeof wire);
    return (int64_t)be64toh(wire);
}

const char *row_text(const PGresult *rows, int row, int column, size_t *len)
{
    *len = 0;
    if (PQgetisnull(rows, row, column))
        return NULL;
    *len = (size_t)PQgetlength(rows, row, column);
    return PQgetvalue(rows, row, column);
}

bool row_copy(const PGresult *rows, int column, char *out, size_t size)
{
    size_t len;
    const char *text = row_text(rows, 0, column, &len);
    (void)snprintf(out, size, "%s", text ? text : "");
    return text && len < size;
}
