import type { Storage, Tx, WriteOptions } from './storage.ts'

/**
 * Runs `work` in the transaction that is given, or in one of its own: what several rooms write is then done by all of them
 * or by none. In a given one nothing is committed yet when this resolves.
 */
export function within<T>(
  storage: Pick<Storage, 'write'>,
  tx: Tx | undefined,
  work: (tx: Tx) => Promise<T>,
  options?: WriteOptions,
): Promise<T> {
  return tx === undefined ? storage.write(work, options) : work(tx)
}
