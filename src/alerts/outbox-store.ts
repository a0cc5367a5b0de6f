// SQL of the outbox: events, and one delivery for each endpoint that an event goes to.
import type { Db, Storage, Tx } from '../storage/storage.ts'
import type { DeadLetter, DeliveryId, WebhookId } from './contract.ts'

export interface NewEvent {
  readonly id: string
  readonly type: string
  readonly subject: string | undefined
  readonly sealed: Buffer
  readonly createdAt: number
  readonly deliveries: readonly { readonly id: DeliveryId; readonly webhook: WebhookId }[]
}

/** A delivery whose time has come. */
export interface DueDelivery {
  readonly id: DeliveryId
  readonly eventId: string
  readonly attempts: number
  readonly sealed: Buffer
}

export interface Health {
  readonly failingSince: number | null
  readonly lastSuccessAt: number | null
  readonly lastFailureAt: number | null
  readonly lastError: string | null
}

/** Nothing happens to what is there already: an event may be told again after a crash. */
export async function addEvent(tx: Tx, event: NewEvent): Promise<void> {
  const { id, type, subject = null, sealed, createdAt } = event
  await tx.db
    .insertInto('alert_events')
    .values({ id, subject, sealed, created_at: createdAt })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
  for (const delivery of event.deliveries) {
    await tx.db
      .insertInto('alert_deliveries')
      .values({
        id: delivery.id,
        event_id: id,
        webhook_id: delivery.webhook,
        type,
        state: 'pending',
        attempts: 0,
        due_at: createdAt,
        created_at: createdAt,
      })
      .onConflict((conflict) => conflict.doNothing())
      .execute()
  }
}

/** The delivery of this endpoint that waits longest, if its time has come. */
export async function nextDue(db: Db, webhook: WebhookId, now: number): Promise<DueDelivery | undefined> {
  const row = await db
    .selectFrom('alert_deliveries as d')
    .leftJoin('alert_events as e', 'e.id', 'd.event_id')
    .select(['d.id', 'd.event_id', 'd.attempts', 'e.sealed'])
    .where('d.webhook_id', '=', webhook)
    .where('d.state', '=', 'pending')
    .where('d.due_at', '<=', now)
    .orderBy('d.due_at')
    .orderBy('d.seq')
    .limit(1)
    .executeTakeFirst()
  if (row === undefined) return undefined
  return { id: row.id, eventId: row.event_id, attempts: row.attempts, sealed: Buffer.from(row.sealed ?? []) }
}

/** When the next delivery of this endpoint is due; Infinity if none waits. */
export async function nextDueAt(db: Db, webhook: WebhookId): Promise<number> {
  const query = db.selectFrom('alert_deliveries').select('due_at').where('webhook_id', '=', webhook)
  const row = await query.where('state', '=', 'pending').orderBy('due_at').limit(1).executeTakeFirst()
  return row?.due_at ?? Number.POSITIVE_INFINITY
}

/** How many deliveries of each endpoint are in this state. */
export async function countDeliveries(db: Db, state: 'pending' | 'dead'): Promise<Map<string, number>> {
  const query = db.selectFrom('alert_deliveries').select((eb) => ['webhook_id', eb.fn.countAll().as('count')])
  const rows = await query.where('state', '=', state).groupBy('webhook_id').execute()
  return new Map(rows.map((row) => [row.webhook_id as string, Number(row.count)]))
}

/** It was delivered: the delivery goes, and the event with the last of its deliveries. */
export async function settleDelivery(tx: Tx, delivery: Pick<DueDelivery, 'id' | 'eventId'>): Promise<void> {
  await tx.db.deleteFrom('alert_deliveries').where('id', '=', delivery.id).execute()
  await dropEvent(tx, delivery.eventId)
}

/** It failed: again at `dueAt`, or never where that is undefined. */
export async function failDelivery(
  tx: Tx,
  { id, attempts }: Pick<DueDelivery, 'id' | 'attempts'>,
  error: string,
  dueAt: number | undefined,
  now: number,
): Promise<void> {
  const fate = dueAt === undefined ? { state: 'dead', dead_at: now } : { due_at: dueAt }
  const update = tx.db.updateTable('alert_deliveries').set({ attempts: attempts + 1, error, ...fate })
  await update.where('id', '=', id).execute()
}

export async function deadLetters(db: Db, webhook: string | undefined, limit: number): Promise<DeadLetter[]> {
  let query = db
    .selectFrom('alert_deliveries')
    .select(['id', 'webhook_id', 'event_id', 'type', 'attempts', 'created_at', 'dead_at', 'error'])
    .where('state', '=', 'dead')
  if (webhook !== undefined) query = query.where('webhook_id', '=', webhook)
  const rows = await query.orderBy('seq').limit(limit).execute()
  return rows.map((row) => ({
    id: row.id,
    webhook: row.webhook_id,
    eventId: row.event_id,
    event: row.type,
    attempts: row.attempts,
    createdAt: row.created_at,
    deadAt: row.dead_at,
    error: row.error,
  }))
}

/** Takes dead letters up again from the first attempt, one or all of an endpoint; gives whose they were. */
export async function reviveDeadLetters(
  tx: Tx,
  which: { readonly id: string } | { readonly webhook: string },
  now: number,
): Promise<WebhookId[]> {
  const update = tx.db
    .updateTable('alert_deliveries')
    .set({ state: 'pending', attempts: 0, due_at: now, dead_at: null })
    .where('state', '=', 'dead')
  const found = 'id' in which ? update.where('id', '=', which.id) : update.where('webhook_id', '=', which.webhook)
  const rows = await found.returning('webhook_id').execute()
  return rows.map((row) => row.webhook_id as WebhookId)
}

/** Everything that waits for an endpoint that is removed. */
export async function dropDeliveries(tx: Tx, webhook: WebhookId): Promise<void> {
  await tx.db.deleteFrom('alert_deliveries').where('webhook_id', '=', webhook).execute()
  await dropOrphans(tx)
}

/** What waits for endpoints that are not there any more: removed while an event was on its way to the disk. */
export async function dropStrayDeliveries(storage: Storage): Promise<void> {
  const known = (db: Db) => db.selectFrom('webhooks').select('id')
  const stray = await storage.read((db) =>
    db.selectFrom('alert_deliveries').select('id').where('webhook_id', 'not in', known(db)).executeTakeFirst(),
  )
  if (stray === undefined) return
  await storage.write(async (tx) => {
    await tx.db.deleteFrom('alert_deliveries').where('webhook_id', 'not in', known(tx.db)).execute()
    await dropOrphans(tx)
  })
}

/** Everything about one agent, whoever waits for it. Gives how many events there were. */
export async function dropSubject(tx: Tx, subject: string): Promise<number> {
  const about = tx.db.selectFrom('alert_events').select('id').where('subject', '=', subject)
  await tx.db.deleteFrom('alert_deliveries').where('event_id', 'in', about).execute()
  const { numDeletedRows } = await tx.db.deleteFrom('alert_events').where('subject', '=', subject).executeTakeFirst()
  return Number(numDeletedRows)
}

/** Dead letters from before `before` are forgotten. */
export async function dropOldDeadLetters(tx: Tx, before: number): Promise<void> {
  const old = tx.db.deleteFrom('alert_deliveries').where('state', '=', 'dead').where('dead_at', '<', before)
  const { numDeletedRows } = await old.executeTakeFirst()
  if (numDeletedRows > 0n) await dropOrphans(tx)
}

export async function healthOf(db: Db): Promise<Map<string, Health>> {
  const rows = await db.selectFrom('webhook_health').selectAll().execute()
  return new Map(
    rows.map((row) => [
      row.id as string,
      {
        failingSince: row.failing_since,
        lastSuccessAt: row.last_success_at,
        lastFailureAt: row.last_failure_at,
        lastError: row.last_error,
      },
    ]),
  )
}

/** Notes how an attempt went; `error` undefined means well. */
export async function noteHealth(tx: Tx, id: WebhookId, error: string | undefined, now: number): Promise<void> {
  const fresh =
    error === undefined
      ? { last_success_at: now, failing_since: null }
      : { last_failure_at: now, failing_since: now, last_error: error }
  await tx.db
    .insertInto('webhook_health')
    .values({ id, ...fresh })
    .onConflict((conflict) =>
      conflict.column('id').doUpdateSet((eb) => ({
        ...fresh,
        ...(error !== undefined && { failing_since: eb.fn.coalesce('webhook_health.failing_since', eb.val(now)) }),
      })),
    )
    .execute()
}

async function dropEvent(tx: Tx, id: string): Promise<void> {
  const others = tx.db.selectFrom('alert_deliveries').select('seq').where('event_id', '=', id)
  await tx.db
    .deleteFrom('alert_events')
    .where('id', '=', id)
    .where((eb) => eb.not(eb.exists(others)))
    .execute()
}

async function dropOrphans(tx: Tx): Promise<void> {
  const wanted = tx.db.selectFrom('alert_deliveries').select('event_id')
  await tx.db.deleteFrom('alert_events').where('id', 'not in', wanted).execute()
}
