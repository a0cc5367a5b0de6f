// What an importer finds: a secret in the clear, where it stands, and what is written in its place. Data only.
import type { Secret } from '../../ground/secret.ts'
import type { Source } from './read-source.ts'

/** Characters `start` to `end` of a file's text become `text`. */
export interface Edit {
  readonly start: number
  readonly end: number
  readonly text: string
}

/** What stands for the secret from then on. */
export interface Reference {
  readonly handle: string
  readonly service: string
}

/** A service that is described by what a file says, with no template. */
export interface Makes {
  readonly name: string
  readonly origins: readonly string[]
  readonly injection: { readonly kind: 'basic' | 'bearer' }
}

/** One secret at one place of one file. */
export interface Found {
  readonly source: Source
  /** Where in the file: a variable's name, or a path of keys. Never secret. */
  readonly place: string
  readonly line: number
  /** What the handle is called after, behind its service; the place if left out. */
  readonly label?: string
  readonly secret: Secret
  /** How its pieces stand in the file, where the secret is put together of them. */
  readonly parts?: readonly Secret[]
  /** A known service's name, or `unknown`. */
  readonly service: string
  /** The address that the file names for it: the same secret at another one is another credential. */
  readonly origin?: string | undefined
  /** What the service is made of where there is none: the file itself names the place. */
  readonly makes?: Makes | undefined
  /** The one way of attaching that it is good for; any, if left out. */
  readonly wants?: 'basic' | 'sigv4'
  /** The detection rule that knew the secret by its shape. */
  readonly rule?: string | undefined
  /** Facts that are kept with the credential, such as the user name beside a password. */
  readonly meta?: Readonly<Record<string, string>>
  /** What to write; absent where the file's reader would understand nothing that we could write. */
  readonly rewrite?: ((reference: Reference) => readonly Edit[]) | undefined
  /** The reference names a variable that the file's reader puts in: somebody must set it. */
  readonly byVariable?: true
  /** It is stored, and still this place is not written to: why. */
  readonly keeps?: string | undefined
  /** Why it is not taken, whatever its service. */
  readonly stays?: string | undefined
}

/** Something that is said and not done: a file that cannot be read, a secret that no importer moves. */
export interface Remark {
  readonly file: string
  readonly place?: string
  readonly line?: number
  readonly why: string
  /** Of a file that was meant to be read: what was asked for is then done in part only. */
  readonly failed?: true
}

export interface Findings {
  readonly found: readonly Found[]
  readonly remarks: readonly Remark[]
}

/** The text after the edits, which do not overlap. */
export function edited(text: string, edits: readonly Edit[]): string {
  const ordered = [...edits].sort((a, b) => a.start - b.start)
  let at = 0
  const parts = ordered.flatMap(({ start, end, text: put }) => {
    if (start < at) throw new RangeError('import: edits overlap')
    const before = text.slice(at, start)
    at = end
    return [before, put]
  })
  return [...parts, text.slice(at)].join('')
}

/** The line, counted from 1, on which a character stands. */
export function lineAt(text: string, at: number): number {
  let line = 1
  for (let next = text.indexOf('\n'); next !== -1 && next < at; next = text.indexOf('\n', next + 1)) line += 1
  return line
}
