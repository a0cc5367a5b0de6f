import { isPathSegment, wantsPathSegment } from '../ground/credential-shape.ts'
import { refuseCredentialInQuery } from './credential-query.ts'
import type { Injector, Opened } from './inject.ts'
import type { OutgoingHead } from './request-head.ts'
import { secretText, shaped } from './secret-text.ts'

/** `segment` holds `{secret}`; it comes first, or second where the path begins with one of `after`. */
export interface PathInjection {
  readonly kind: 'path'
  readonly segment: string
  readonly after?: readonly string[] | undefined
}

/**
 * A service that takes its key in the path: a segment of its own is put in when the request goes out. What is matched,
 * judged and recorded is the path without it, so the caller can send nothing in that place.
 */
export class PathInjector implements Injector {
  readonly needsBody = false
  readonly headers = []
  readonly #segment: string
  readonly #after: readonly string[]
  readonly #values = new WeakMap<Opened, string>()

  constructor({ segment, after = [] }: PathInjection) {
    if (!isPathSegment(segment.replace('{secret}', 'x'))) throw new TypeError('inject: no segment of a path')
    this.#segment = segment
    this.#after = after
  }

  apply(head: OutgoingHead, opened: Opened): undefined {
    refuseCredentialInQuery(head)
    let value = this.#values.get(opened)
    if (value === undefined) {
      const text = secretText(opened.value)
      value = shaped(isPathSegment(text) ? this.#segment.split('{secret}').join(text) : undefined, wantsPathSegment)
      this.#values.set(opened, value)
    }
    const { path, decoded, query, hasQuery } = head.matched
    const second = decoded.length > 1 && this.#after.includes(decoded[0]!) ? path.indexOf('/', 1) : 0
    const whole = `${path.slice(0, second)}/${value}${path.slice(second)}`
    head.target = hasQuery ? `${whole}?${query}` : whole
  }
}
