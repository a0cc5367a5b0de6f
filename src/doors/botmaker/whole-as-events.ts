/**
 * Ollama's way of old: its answers are asked for whole, and made into the one event and the end that a client which asked for a
 * stream waits for (botmaker.md §1).
 */

/** The same request, for a whole answer; undefined where it asks for no stream, or is no JSON. */
export function askedWhole(body: Buffer): Buffer | undefined {
  const asked = read(body)
  if (asked?.stream !== true) return undefined
  const { stream_options: _, ...rest } = asked
  return Buffer.from(JSON.stringify({ ...rest, stream: false }))
}

/** Undefined where the answer is none that can be told so. */
export function asEvents(body: Buffer): string | undefined {
  const whole = read(body)
  if (whole === undefined || !Array.isArray(whole.choices)) return undefined
  const choices = whole.choices.map((choice: unknown) => {
    const { message, delta, index, finish_reason } = (choice ?? {}) as Readonly<Record<string, unknown>>
    return { index: index ?? 0, delta: message ?? delta ?? {}, finish_reason: finish_reason ?? null }
  })
  const event = { ...whole, object: 'chat.completion.chunk', choices }
  return `data: ${JSON.stringify(event)}\n\ndata: [DONE]\n\n`
}

function read(body: Buffer): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'))
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}
