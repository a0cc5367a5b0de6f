// What `/health` says: the union of what the clients of other systems look for. The native one is `/claviger/v1/health`.
import { z } from 'zod'
import { VaultStatus } from './vault/contract.ts'

/** `service` and `version` are Clauth's; `telegram`, `database`, `public_url` and `timestamp` (milliseconds) are OAuth3's. */
export const UnionHealth = z.object({
  ok: z.literal(true),
  status: z.literal('ok'),
  service: z.literal('clauth'),
  version: z.literal('0.1.0'),
  state: VaultStatus.shape.state,
  telegram: z.literal('not_configured'),
  telegram_configured: z.literal(false),
  database: z.literal('ok'),
  public_url: z.string().nullable(),
  timestamp: z.int(),
})
type UnionHealth = z.output<typeof UnionHealth>

/** A database that fails ends the process, so whoever answers has one that works. */
export function unionHealth(state: UnionHealth['state'], publicUrl: string | undefined, now: number): UnionHealth {
  return {
    ok: true,
    status: 'ok',
    service: 'clauth',
    version: '0.1.0',
    state,
    telegram: 'not_configured',
    telegram_configured: false,
    database: 'ok',
    public_url: publicUrl ?? null,
    timestamp: now,
  }
}
