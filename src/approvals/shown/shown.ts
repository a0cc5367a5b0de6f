/**
 * What a human sees of an action, as plain data: the console draws it, `as-text.ts` writes it for terminals and
 * messengers. Every string in it is safe to draw as text: no control, bidi or invisible character is left in it
 * (`visible.ts`), and what was cut says so.
 */
import { z } from 'zod'

/**
 * `text`: words from outside; messengers get them with what looks like a credential hidden. `plain`: names that the
 * operator gave or that the gateway made, hosts, ids, hashes, numbers, times; never hidden.
 */
const Fact = z.object({ name: z.string(), value: z.string(), kind: z.enum(['text', 'plain']) })
export type Fact = Readonly<z.output<typeof Fact>>

const Lines = z.array(z.string()).readonly()
/** Says what is left out, where something is. */
const Cut = z.string().optional()

/** Words from outside, line by line. */
const Quoted = z.object({ name: z.string(), lines: Lines, cut: Cut })
export type Quoted = Readonly<z.output<typeof Quoted>>

/** The body in the words of the service it goes to. Stands beside the body, never instead of it. */
const Preview = z.object({
  of: z.enum(['e-mail', 'github', 'slack', 'stripe', 'git push']),
  title: z.string(),
  facts: z.array(Fact).readonly(),
  texts: z.array(Quoted).readonly(),
})
export type Preview = Readonly<z.output<typeof Preview>>

/** One part of a multipart body. `sha256`: hex. `lines`: where it can be read as text. */
const ShownPart = z.object({
  name: z.string(),
  fileName: z.string().optional(),
  contentType: z.string().optional(),
  /** What else its head says, field by field. */
  head: Lines.optional(),
  bytes: z.int(),
  sha256: z.string(),
  lines: Lines.optional(),
  cut: Cut,
})
export type ShownPart = Readonly<z.output<typeof ShownPart>>

const AnyBody = z.object({
  /** Of what is sent, as it is sent. `sha256`: hex. */
  bytes: z.int(),
  sha256: z.string(),
  contentType: z.string().optional(),
  /** What came out when the content codings were taken off. */
  decoded: z.object({ from: z.string(), bytes: z.int() }).optional(),
  cut: Cut,
})

/** `type`, `begins` of bytes: what their first say they are, and those in hex. */
const ShownBody = z.discriminatedUnion('kind', [
  AnyBody.extend({ kind: z.literal('json'), lines: Lines }),
  AnyBody.extend({ kind: z.literal('text'), lines: Lines }),
  AnyBody.extend({ kind: z.literal('form'), fields: z.array(Fact).readonly() }),
  AnyBody.extend({ kind: z.literal('multipart'), parts: z.array(ShownPart).readonly() }),
  AnyBody.extend({ kind: z.literal('binary'), type: z.string(), begins: z.string() }),
])
export type ShownBody = Readonly<z.output<typeof ShownBody>>

export const Shown = z.object({
  title: z.string(),
  /** What the gateway knows, all of it. */
  facts: z.array(Fact).readonly(),
  warnings: Lines,
  /** What a yes would allow, how often and for how long. */
  allows: z.string(),
  preview: Preview.optional(),
  body: ShownBody.optional(),
  /** The agent's own words. They prove nothing. */
  said: z.array(Quoted).readonly(),
})
export type Shown = Readonly<z.output<typeof Shown>>

/** Where a renderer says what a human should look at twice. */
export type Warn = (warning: string) => void
