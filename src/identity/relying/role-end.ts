/** When what is asked for ends, milliseconds since 1970; undefined for never. */
export function endOf(
  asked: { readonly expiresAt?: number | undefined; readonly ttlSeconds?: number | undefined },
  now: number,
): number | undefined {
  return asked.ttlSeconds === undefined ? asked.expiresAt : now + asked.ttlSeconds * 1_000
}
