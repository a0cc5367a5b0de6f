/**
 * How a body changes on its way, in either direction: a chain of small stages.
 * A stage that has nothing to wait for stays synchronous: `push` returns undefined and no promise is made.
 * Back-pressure is the returned promise: whoever pushes waits for it before the next push.
 */

/** Takes bytes onward. A promise means: not yet ready for more, wait for it. The bytes must not be changed afterwards. */
export type Emit = (chunk: Buffer) => void | Promise<void>

/** One stage of a body's way. Used by one body only; calls never overlap. Throws (or rejects) to cut the body. */
export interface BodyTransform {
  /** What goes in comes out, or nothing does: the length that was declared is the length that is sent. */
  readonly keepsLength?: boolean
  /** The next bytes, never empty. Emits what may go on now; a stage that emits more than once awaits each emit. */
  push(chunk: Buffer, emit: Emit): void | Promise<void>
  /** The body is complete: emits what was held, or throws where the end came too early. */
  flush(emit: Emit): void | Promise<void>
  /** The body was cut, or is done: gives back native memory. May be called twice, and after flush. */
  destroy?(): void
}

const straight: BodyTransform = {
  push: (chunk, emit) => emit(chunk),
  flush: () => undefined,
}

/** Several stages as one, first to last. No stage gives one that passes everything on; one stage is itself. */
export function chained(stages: readonly BodyTransform[]): BodyTransform {
  const [first, ...rest] = stages
  if (first === undefined) return straight
  if (rest.length === 0) return first
  const onward = chained(rest)
  return {
    push: (chunk, emit) => first.push(chunk, (out) => onward.push(out, emit)),
    flush(emit) {
      const wait = first.flush((out) => onward.push(out, emit))
      return wait === undefined ? onward.flush(emit) : wait.then(() => onward.flush(emit))
    },
    destroy() {
      first.destroy?.()
      onward.destroy?.()
    },
  }
}
