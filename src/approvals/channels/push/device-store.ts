/** The rows of devices that take pushes. */
import type { OperatorId } from '../../../ground/ids.ts'
import type { Storage, Tx } from '../../../storage/storage.ts'
import type { Device, DeviceId } from './contract.ts'

interface DeviceRow {
  readonly id: string
  readonly operator: string
  readonly name: string
  readonly endpoint: string
  readonly p256dh: string
  readonly auth: string
  readonly token: string
  readonly created_at: number
}

export async function putDevice(tx: Tx, { createdAt, ...device }: Device): Promise<void> {
  await tx.put('push_devices', { ...device, created_at: createdAt })
}

export const removeDevice = (tx: Tx, id: DeviceId): Promise<void> => tx.remove('push_devices', id)

/** All that are believed. `bad`: ids of rows that other hands changed. */
export async function loadDevices(storage: Storage): Promise<{ devices: Device[]; bad: readonly string[] }> {
  const { rows, bad } = await storage.load<DeviceRow>('push_devices')
  return { devices: rows.map(deviceOf), bad }
}

function deviceOf({ id, operator, created_at, name, endpoint, p256dh, auth, token }: DeviceRow): Device {
  const known = { id: id as DeviceId, operator: operator as OperatorId, createdAt: created_at }
  return { ...known, name, endpoint, p256dh, auth, token }
}
