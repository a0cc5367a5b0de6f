// What changes among the approvals, told as it happens. Not by EventSource: it can send no header, and a session has two halves.
import { headersOf } from './client.ts'

const POLL_MS = 5_000
/** A connection over which nothing comes for so long is taken for lost. */
const SILENCE_MS = 60_000

export type How = 'live' | 'polling'

/** Runs `changed` whenever something may have changed, until it is told to stop. */
export function followApprovals(changed: () => void, how: (how: How) => void): () => void {
  const stop = new AbortController()
  const seen = () => {
    if (document.visibilityState === 'visible') changed()
  }
  document.addEventListener('visibilitychange', seen, { signal: stop.signal })
  void follow(changed, how, stop.signal)
  return () => stop.abort()
}

async function follow(changed: () => void, how: (how: How) => void, stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    try {
      await readEvents(changed, how, stop)
    } catch {
      // Not there, or lost: asked again below.
    }
    if (stop.aborted) return
    how('polling')
    changed()
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

async function readEvents(changed: () => void, how: (how: How) => void, stop: AbortSignal): Promise<void> {
  const lost = new AbortController()
  const answer = await fetch('/claviger/v1/approvals/events', {
    headers: { ...headersOf(false), accept: 'text/event-stream' },
    cache: 'no-store',
    signal: AbortSignal.any([stop, lost.signal]),
  })
  const isStream = answer.ok && (answer.headers.get('content-type') ?? '').startsWith('text/event-stream')
  if (!isStream || answer.body === null) return void (await answer.body?.cancel())
  how('live')
  changed()
  let rest = ''
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader()
  for (;;) {
    const silence = setTimeout(() => lost.abort(), SILENCE_MS)
    const { done, value } = await reader.read().finally(() => clearTimeout(silence))
    if (done) return
    // Which one changed does not matter: the list is read again. Lines that begin with a colon keep the connection alive.
    const lines = (rest + value).split('\n')
    rest = lines.pop() ?? ''
    if (lines.some((line) => line.startsWith('data:'))) changed()
  }
}
