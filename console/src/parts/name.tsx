import { visible } from '../visible.ts'

/** A word from outside: nothing hidden in it, and its direction ends with it. */
export function Name({ of }: { readonly of: string }) {
  return <bdi>{visible(of)}</bdi>
}
