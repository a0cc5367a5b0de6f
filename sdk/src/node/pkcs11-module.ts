// What this package uses of `pkcs11js`, which the caller brings: it has native parts, and this package has none.

export type Handle = Buffer
export interface Attribute {
  readonly type: number
  readonly value?: number | boolean | string | Buffer
}

export interface Pkcs11 {
  load(path: string): void
  close(): void
  C_Initialize(options?: { flags: number }): void
  C_Finalize(): void
  C_GetSlotList(tokenPresent?: boolean): Handle[]
  C_GetTokenInfo(slot: Handle): { label: string }
  C_OpenSession(slot: Handle, flags: number): Handle
  C_CloseSession(session: Handle): void
  C_Login(session: Handle, userType: number, pin?: string): void
  C_FindObjectsInit(session: Handle, template: Attribute[]): void
  C_FindObjects(session: Handle, maxObjectCount: number): Handle[]
  C_FindObjectsFinal(session: Handle): void
  C_GetAttributeValue(session: Handle, object: Handle, template: Attribute[]): { type: number; value: unknown }[]
  C_SignInit(session: Handle, mechanism: { mechanism: number }, key: Handle): void
  C_SignAsync(session: Handle, input: Buffer, output: Buffer): Promise<Buffer>
}

/** `import * as pkcs11js from 'pkcs11js'`, or its default export. */
export interface Pkcs11Module {
  readonly PKCS11: new () => Pkcs11
}

// PKCS#11 v2.40, the numbers of the standard.
export const CKF = { SERIAL_SESSION: 4, OS_LOCKING_OK: 2 } as const
export const CKU_USER = 1
export const CKO = { PUBLIC_KEY: 2, PRIVATE_KEY: 3 } as const
export const CKK_EC = 3
export const CKA = {
  CLASS: 0,
  LABEL: 3,
  KEY_TYPE: 0x100,
  ID: 0x102,
  EXTRACTABLE: 0x162,
  EC_PARAMS: 0x180,
  EC_POINT: 0x181,
} as const
export const CKM_ECDSA = 0x1041

/** Codes after which a session, or all of the module, is opened anew. */
const lost: ReadonlySet<number> = new Set([0x30, 0x31, 0x32, 0x60, 0x82, 0xb0, 0xb3, 0xe0, 0x101, 0x190])
/** CKR_PIN_INCORRECT, _INVALID, _LEN_RANGE, _EXPIRED, _LOCKED. */
const pin: ReadonlySet<number> = new Set([0xa0, 0xa1, 0xa2, 0xa3, 0xa4])
const ALREADY_INITIALIZED = 0x191
const ALREADY_LOGGED_IN = 0x100

export function isLost(error: unknown): boolean {
  return lost.has(codeOf(error))
}

export function isPinRefused(error: unknown): boolean {
  return pin.has(codeOf(error))
}

export function unlessAlready(work: () => void): void {
  try {
    work()
  } catch (error) {
    if (![ALREADY_INITIALIZED, ALREADY_LOGGED_IN].includes(codeOf(error))) throw error
  }
}

/** pkcs11js says the number, or leaves it in the text that the driver's error came with. */
function codeOf(error: unknown): number {
  const { code, message } = error as { code?: unknown; message?: unknown }
  return typeof code === 'number' ? code : Number(/^CKR_\w+:(\d+)/.exec(String(message))?.[1])
}
