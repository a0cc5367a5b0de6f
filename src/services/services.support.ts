import type { ServiceId } from '../ground/ids.ts'
import { canonicalTarget } from '../ground/target.ts'
import type { Actor } from '../storage/storage.ts'
import { compileService } from './compile.ts'
import type { Service, ServiceInput } from './contract.ts'
import { defineService } from './define.ts'

export const by: Actor = { kind: 'operator', id: 'op_tester' }

/** For tests: a service as it would be after add(), without a database. */
export function service(input: Partial<ServiceInput> = {}): Service {
  const { name, definition } = defineService({ name: 's', origins: ['https://api.example.com'], ...input })
  return compileService({ id: `srv_${name}` as ServiceId, name, definition, createdAt: 1, updatedAt: 1, epoch: 1 })
}

/** What a request line is on the service, in few words: action or class, and what it requires. */
export function say(of: Service, request: string): string {
  const [method = '', raw = ''] = request.split(' ')
  const resolution = of.resolve(method, canonicalTarget(raw))
  if (resolution === undefined) return 'not allowed'
  const { action, required, enough } = resolution
  return [`${action ?? '-'}:`, ...required, ...(enough === undefined ? [] : [`or ${enough}`])].join(' ')
}
