import type { EventEmitter } from 'node:events'

/**
 * Resolves when `look` says so; it is asked again after a moment. Rejects when that takes a minute: a loop without an end
 * would keep the file's process, and with it the whole run, for ever.
 */
export async function until(look: () => boolean | Promise<boolean>, patienceMs = 60_000): Promise<void> {
  const end = performance.now() + patienceMs
  while (!(await look())) {
    if (performance.now() > end) throw new Error(`not so within ${patienceMs} ms: ${look}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** Resolves when the connection is over, in good order or not; `once()` would reject at a reset. */
export function closed(socket: EventEmitter): Promise<void> {
  return new Promise((resolve) => {
    socket.on('error', () => {}).once('close', () => resolve())
  })
}
