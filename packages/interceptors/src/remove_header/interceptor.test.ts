import type { Registration } from '@millrace/kernel/config/plan-types';
import { interceptorContract } from '@millrace/testkit';
import { removeHeader } from './spec.ts';

const registration: Registration = { spec: removeHeader, module: new URL('./interceptor.js', import.meta.url) };

const given = [
  { headers: {}, body: 'none' },
  { headers: { a: '1' }, body: 'one' },
  { headers: { 'x-trace': '1', a: '2', 'x-': '3', 'X-y': '4', b: '5', ax: '6', '': '7' }, body: 'many' },
];
const passing = (headers: Record<string, string>, one: Record<string, string> = {}) => [
  { headers: {}, body: 'none' },
  { headers: one, body: 'one' },
  { headers, body: 'many' },
];

interceptorContract(registration, [
  { given, passed: given },
  {
    settings: { withName: 'a' },
    given,
    passed: passing({ 'x-trace': '1', 'x-': '3', 'X-y': '4', b: '5', ax: '6', '': '7' }),
  },
  {
    settings: { fromList: 'b , a,X-y,,' },
    given,
    passed: passing({ 'x-trace': '1', 'x-': '3', ax: '6', '': '7' }),
  },
  {
    settings: { fromList: ',b,c', fromListSeparator: '(,)' },
    given,
    passed: passing({ 'x-trace': '1', a: '2', 'x-': '3', 'X-y': '4', ax: '6' }, { a: '1' }),
  },
  {
    settings: { matching: 'x-.*|a' },
    given,
    passed: passing({ 'X-y': '4', b: '5', ax: '6', '': '7' }),
  },
  {
    settings: { withName: 'ax', fromList: 'a;b', fromListSeparator: ';', matching: '(?i)x-[^t].*' },
    given,
    passed: passing({ 'x-trace': '1', 'x-': '3', '': '7' }),
  },
]);
