import { z } from 'zod'

const IsoTime = z.iso.datetime({ offset: true })

export const PageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(20),
  cursor: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/)
    .optional(),
})
export const HistoryQuery = PageQuery.extend({
  status: z.enum(['PENDING', 'APPROVED', 'DENIED', 'EXPIRED', 'CANCELLED']).optional(),
  agentId: z.string().optional(),
  from: IsoTime.optional(),
  to: IsoTime.optional(),
})

/** The newest first: ids sort by when they were made. The cursor is the last one's, opaque to clients. */
export function pageOf<T extends { readonly id: string }>(
  all: readonly T[],
  { limit, cursor }: z.output<typeof PageQuery>,
): { items: T[]; nextCursor: string | null } {
  const before = cursor === undefined ? undefined : Buffer.from(cursor, 'base64url').toString('latin1')
  const sorted = all.filter(({ id }) => before === undefined || id < before)
  sorted.sort((one, other) => (one.id < other.id ? 1 : -1))
  const items = sorted.slice(0, limit)
  const last = items.at(-1)
  const more = sorted.length > items.length && last !== undefined
  return { items, nextCursor: more ? Buffer.from(last.id, 'latin1').toString('base64url') : null }
}
