import { z } from 'zod'

/** Shapes that many endpoints share. */

/** A life in seconds, 1 second to 10 years. */
export const TtlSeconds = z.int().min(1).max(315_360_000)

/** A name or id in a path. */
export const NameParam = z.strictObject({ name: z.string().min(1).max(128) })
export const IdParam = z.strictObject({ id: z.string().min(1).max(128) })

/** Done, with nothing to say. */
export const Done = z.object({ ok: z.literal(true) })
export const done = { ok: true } as const

/** A list is an object, so that members can be added to it later. */
export function listOf<T extends z.ZodType>(item: T) {
  return z.object({ items: z.array(item) })
}
