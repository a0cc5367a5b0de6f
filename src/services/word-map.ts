import { z } from 'zod'
import { Method, Path } from './service-parts.ts'

/** A word of a door's labels, and what it means here. It takes the place of what the word usually means. */
const Word = z.string().regex(/^(?:\*|[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?)$/)
const WordMeaning = z.strictObject({
  methods: z.array(Method).min(1).max(7),
  /** Path templates; every path that may be called if left out. */
  paths: z.array(Path).min(1).max(64).optional(),
})

export const WordMap = z
  .record(Word, z.array(WordMeaning).min(1).max(16))
  .refine((map) => Object.keys(map).length <= 64)
export type WordMap = z.output<typeof WordMap>
