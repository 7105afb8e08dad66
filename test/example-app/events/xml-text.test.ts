import { xmlText } from '../../../example-app/events/xml-text';

test.each([
  ['a nested element', '<event><payment><id>evt_1</id></payment></event>', 'event.payment.id', 'evt_1'],
  ['declarations and comments', '<?xml version="1.0"?><!-- <event> --><event><id>x</id></event>', 'event.id', 'x'],
  ['quoted attributes', `<event a="1>2" b='"'><id kind="x">evt</id></event>`, 'event.id', 'evt'],
  ['the first of several', '<e><id>1</id><id>2</id></e>', 'e.id', '1'],
  ['an element of the same name elsewhere', '<e><x><id>no</id></x><id>yes</id></e>', 'e.id', 'yes'],
  ['prefixes', '<s:Envelope><s:Body><p:id>7</p:id></s:Body></s:Envelope>', 'Envelope.Body.id', '7'],
  ['CDATA', '<e><id><![CDATA[a<b]]></id></e>', 'e.id', 'a<b'],
  ['entities', '<e><id>&#65;&#x42;&amp;&lt;&nbsp;</id></e>', 'e.id', 'AB&<&nbsp;'],
  ['space around', '<e>\n  <id>\n 5 </id></e>\n', 'e.id', '5'],
  ['the text around children', '<e><id>a<b>no</b>c</id></e>', 'e.id', 'ac'],
  ['an empty element', '<e><id/></e>', 'e.id', ''],
  ['a path without an element', '<e><id>1</id></e>', 'e.other', undefined],
  ['a path to the root', '<id>9</id>', 'id', '9'],
])('xmlText reads %s', (_what, xml, path, expected) => {
  expect(xmlText(xml, path.split('.'))).toBe(expected);
});

test.each([
  '',
  'evt_1',
  '<e>',
  '<e><id>1</e></id>',
  '<e><id>1</id></e><e/>',
  '<e><id>1</id></e> tail',
  '<!DOCTYPE e [<!ENTITY x SYSTEM "file:///etc/passwd">]><e><id>&x;</id></e>',
  '<e><id>1</id',
  '<e a=1><id>1</id></e>',
  '<e><!-- <id>1</id></e>',
  '</e>',
  `${'<a>'.repeat(100)}${'</a>'.repeat(100)}`,
])('xmlText rejects %j', (xml) => {
  expect(xmlText(xml, ['e', 'id'])).toBeUndefined();
  expect(xmlText(xml, ['a'])).toBeUndefined();
});

test('xmlText below the root skips the root element', () => {
  expect(xmlText('<root><cid>evt</cid></root>', ['cid'], true)).toBe('evt');
  expect(xmlText('<cid>evt</cid>', ['cid'], true)).toBeUndefined();
});

test('xmlText reads hostile text in linear time', () => {
  const size = 64 * 1024;
  for (const piece of ['<', '<a ', '<!--', '&#', '<a b="', ' ', '<![CDATA[', '<a\t\t\tb = ']) {
    expect(xmlText(piece.repeat(size / piece.length), ['a'])).toBeUndefined();
  }
});
