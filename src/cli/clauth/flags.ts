import { cliProblem } from '../problems.ts'

/** `text` wants a value, `bare` takes none, `many` may be repeated, `either` is true without a value. */
export type FlagKind = 'text' | 'bare' | 'many' | 'either'

/** What was typed, by the names of the flags. */
export class Flags {
  readonly #values: ReadonlyMap<string, readonly string[]>

  constructor(values: ReadonlyMap<string, readonly string[]>) {
    this.#values = values
  }

  text(name: string): string | undefined {
    return this.#values.get(name)?.at(-1)
  }

  all(name: string): readonly string[] {
    return this.#values.get(name) ?? []
  }

  /** `--name`, `--name true`. */
  is(name: string): boolean {
    const value = this.text(name)
    return value !== undefined && value !== 'false'
  }

  /** Throws Problem `usage`. */
  required(name: string): string {
    const value = this.text(name)?.trim()
    if (value) return value
    throw cliProblem('usage', { detail: `--${name} is required.` })
  }

  /** A whole number. Throws Problem `usage`. */
  number(name: string, least: number, most: number): number | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const value = /^[0-9]{1,12}$/.test(text) ? Number(text) : Number.NaN
    if (value >= least && value <= most) return value
    throw cliProblem('usage', { detail: `--${name}: a whole number from ${least} to ${most} is wanted.` })
  }
}

/** Words that people try for secrets: refused, and never repeated. */
const misplaced = new Set(['secret', 'passphrase', 'password', 'api-key', 'value'])

const elsewhere =
  'Every process of this machine could read it, and your shell keeps it: replace it. Secrets come by --secret-env NAME or --secret-stdin, passphrases by CLAUTH_PASSPHRASE or CLAUTH_PASSPHRASE_FILE.'

/** Reads `--key value` and bare `--key`. Throws Problem `usage`, `secret_in_argv`. */
export function readFlags(words: readonly string[], kinds: Readonly<Record<string, FlagKind>>): Flags {
  const values = new Map<string, readonly string[]>()
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? ''
    const [, name = '', , joined] = /^--([A-Za-z-]+)(=([\s\S]*))?$/.exec(word) ?? []
    if (misplaced.has(name)) throw cliProblem('secret_in_argv', { hint: elsewhere })
    const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined
    if (kind === undefined) throw unknown(word)
    const next = words[at + 1]
    const takes = kind !== 'bare' && joined === undefined && next !== undefined && !next.startsWith('--')
    if (takes) at += 1
    const value = joined ?? (takes ? next : undefined)
    if (value === undefined && (kind === 'text' || kind === 'many')) {
      throw cliProblem('usage', { detail: `--${name} wants a value.` })
    }
    if (values.has(name) && kind !== 'many') throw cliProblem('usage', { detail: `--${name} stands twice.` })
    values.set(name, [...(values.get(name) ?? []), value ?? 'true'])
  }
  return new Flags(values)
}

/** What was typed may be a secret in the wrong place: it is repeated only where it looks like a flag. */
function unknown(word: string) {
  const shown = /^--[A-Za-z-]{1,24}$/.test(word) ? `Unknown flag ${word}.` : 'A flag was expected.'
  return cliProblem('usage', { detail: shown })
}

/** `k=v,k2=v2`, repeatable; a part without `=` goes on with the value before it, so that lists keep their commas. */
export function readMetadata(texts: readonly string[]): Record<string, string> {
  const read: Record<string, string> = Object.create(null)
  for (const text of texts) {
    let last: string | undefined
    for (const part of text.split(',')) {
      const at = part.indexOf('=')
      if (at < 1 && last === undefined) throw cliProblem('usage', { detail: '--metadata: NAME=VALUE is wanted.' })
      if (at < 1 && last !== undefined) read[last] = `${read[last]},${part}`
      else {
        last = part.slice(0, at).trim()
        read[last] = part.slice(at + 1)
      }
    }
  }
  return { ...read }
}
