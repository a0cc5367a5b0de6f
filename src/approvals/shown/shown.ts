/**
 * What a human sees of an action, as plain data: the console draws it, `as-text.ts` writes it for terminals and
 * messengers. Every string in it is safe to draw as text: no control, bidi or invisible character is left in it
 * (`visible.ts`), and what was cut says so.
 */

export type FactKind =
  /** Words from outside; messengers get them with what looks like a credential hidden. */
  | 'text'
  /** Names that the operator gave or that the gateway made, hosts, ids, hashes, numbers, times: never hidden. */
  | 'plain'

export interface Fact {
  readonly name: string
  readonly value: string
  readonly kind: FactKind
}

/** Words from outside, line by line. */
export interface Quoted {
  readonly name: string
  readonly lines: readonly string[]
  /** Says what is left out, where something is. */
  readonly cut?: string
}

export type PreviewKind = 'e-mail' | 'github' | 'slack' | 'stripe' | 'git push'

/** The body in the words of the service it goes to. Stands beside the body, never instead of it. */
export interface Preview {
  readonly of: PreviewKind
  readonly title: string
  readonly facts: readonly Fact[]
  readonly texts: readonly Quoted[]
}

export interface ShownPart {
  readonly name: string
  readonly fileName?: string
  readonly contentType?: string
  readonly bytes: number
  /** Hex. */
  readonly sha256: string
  /** Where it can be read as text. */
  readonly lines?: readonly string[]
  readonly cut?: string
}

interface AnyBody {
  /** Of what is sent, as it is sent. */
  readonly bytes: number
  /** Hex. */
  readonly sha256: string
  readonly contentType?: string
  /** What came out when the content codings were taken off. */
  readonly decoded?: { readonly from: string; readonly bytes: number }
  /** Says what is left out, where something is. The whole is in the approval's stored body. */
  readonly cut?: string
}

export type ShownBody =
  | (AnyBody & { readonly kind: 'json' | 'text'; readonly lines: readonly string[] })
  | (AnyBody & { readonly kind: 'form'; readonly fields: readonly Fact[] })
  | (AnyBody & { readonly kind: 'multipart'; readonly parts: readonly ShownPart[] })
  /** `type`: what its first bytes say it is. `begins`: those bytes, in hex. */
  | (AnyBody & { readonly kind: 'binary'; readonly type: string; readonly begins: string })

export interface Shown {
  readonly title: string
  /** What the gateway knows, all of it. */
  readonly facts: readonly Fact[]
  readonly warnings: readonly string[]
  /** What a yes would allow, how often and for how long. */
  readonly allows: string
  readonly preview?: Preview
  readonly body?: ShownBody
  /** The agent's own words. They prove nothing. */
  readonly said: readonly Quoted[]
}

/** Where a renderer says what a human should look at twice. */
export type Warn = (warning: string) => void
