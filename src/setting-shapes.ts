// What a setting is made of: its documentation, and the shapes that several settings share. Each call gives a schema of
// its own, because a schema documents one setting.
import { homedir } from 'node:os'
import { resolve } from 'node:path'
import { z } from 'zod'

/** What people read about a setting: its environment variable, its default as text, and one sentence. */
export interface SettingDoc {
  readonly env: string
  /** As it is parsed when nothing is set; '' means none. `$CLAVIGER_HOME` stands for the home. */
  readonly fallback: string
  readonly doc: string
}

const docs = z.registry<SettingDoc>()

/** Gives a schema its documentation. */
export function setting<Schema extends z.ZodType>(schema: Schema, doc: SettingDoc): Schema {
  if (docs.has(schema)) throw new TypeError(`${doc.env}: a schema documents one setting`)
  docs.add(schema, doc)
  return schema
}

export const filePath = () => z.string().transform((text) => resolve(text.replace(/^~(?=\/|$)/, homedir())))
export const optionalPath = () =>
  z.string().transform((text) => (text === '' ? undefined : resolve(text.replace(/^~(?=\/|$)/, homedir()))))
export const whole = (low: number, high: number) =>
  z
    .string()
    .regex(/^[0-9]{1,9}$/, 'a whole number is wanted')
    .transform(Number)
    .pipe(z.number().min(low, `at least ${low} is wanted`).max(high, `at most ${high} is wanted`))
export const onOff = () =>
  z
    .string()
    .toLowerCase()
    .pipe(z.enum(['on', 'off', '1', '0', 'true', 'false', 'yes', 'no'], 'on or off is wanted'))
    .transform((text) => text === 'on' || text === '1' || text === 'true' || text === 'yes')
export const listOf = (pattern: RegExp, wanted: string) =>
  z
    .string()
    .transform((text) => text.split(',').flatMap((item) => (item.trim() === '' ? [] : [item.trim().toLowerCase()])))
    .pipe(z.array(z.string().regex(pattern, wanted)))

/** The documentation that a schema was given. */
export function docOf(schema: z.ZodType): SettingDoc {
  return docs.get(schema)!
}
