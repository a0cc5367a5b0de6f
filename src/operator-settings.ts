// The setting about the operators' pages. Their public address is CLAVIGER_PUBLIC_URL.
import { z } from 'zod'
import { setting } from './setting-shapes.ts'

/** Undefined: the one after the agents'. */
const portOrOff = () =>
  z
    .string()
    .toLowerCase()
    .regex(/^(?:off|[0-9]{0,5})$/, 'a port, or off, is wanted')
    .refine((text) => !/^[0-9]+$/.test(text) || Number(text) <= 65_535, 'at most 65535 is wanted')
    .transform((text): number | 'off' | undefined => (text === '' ? undefined : text === 'off' ? 'off' : Number(text)))

export const operatorSettings = {
  operatorPort: setting(portOrOff(), {
    env: 'CLAVIGER_OPERATOR_PORT',
    fallback: '',
    doc: 'Port of the operators’ pages and API, on 127.0.0.1 and ::1 (with CLAVIGER_TLS_CERT at CLAVIGER_HOST): the one after CLAVIGER_PORT if not set, `off` for none. `0` takes a free one.',
  }),
}
