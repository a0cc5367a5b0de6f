import type { SecretMatcher, SecretStream } from './matcher.ts'

/** Searches for what one matcher knows, and in what is left for what the other does. For secrets of which no byte is another's. */
export function oneThenOther(one: SecretMatcher, other: SecretMatcher): SecretMatcher {
  return {
    stream: () => new OneThenOther(one.stream(), other.stream()),
    text: (value) => other.text(one.text(value)),
  }
}

class OneThenOther implements SecretStream {
  readonly #one: SecretStream
  readonly #other: SecretStream

  constructor(one: SecretStream, other: SecretStream) {
    this.#one = one
    this.#other = other
  }

  get hits(): number {
    return this.#one.hits + this.#other.hits
  }

  get held(): number {
    return this.#one.held + this.#other.held
  }

  push(chunk: Buffer): Buffer {
    const left = this.#one.push(chunk)
    return left.length === 0 ? left : this.#other.push(left)
  }

  flush(): Buffer {
    return Buffer.concat([this.#other.push(this.#one.flush()), this.#other.flush()])
  }
}
