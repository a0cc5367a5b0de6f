// Whether the door, and the house behind it, would take a service: for whoever wants to know before asking.
import { Problem } from '../../ground/problem.ts'
import { defineService } from '../../services/define.ts'
import type { JsonObject, VaultService } from './contract.ts'
import { nativeService } from './native-service.ts'
import { VaultRefusal } from './refusal.ts'
import { readService, refuseUnknown, secretRefOf, serviceName } from './service-form.ts'

/** The service as the door reads it, or the reason for which it would be refused. */
export function checkForm(name: string, form: JsonObject): VaultService | string {
  return judged(() => {
    serviceName({ service: name })
    refuseUnknown(form, [])
    const read = readService(form)
    defineService(nativeService(name, read, []))
    return read
  })
}

/** Whether a secret can have this reference. */
export function isSecretRef(ref: string): boolean {
  return judged(() => ({ ref: secretRefOf({ secretRef: ref }) })) instanceof Object
}

function judged<T extends object>(work: () => T): T | string {
  try {
    return work()
  } catch (error) {
    if (error instanceof VaultRefusal) return `the door does not take it: ${error.error}`
    if (!(error instanceof Problem)) throw error
    return `${error.title} [${error.code}]`
  }
}
