/** A sentence of a caller, with its meaning for the platform. */
export interface Utterance {
  readonly text: string;
  /** Empty if the text is English. */
  readonly english: string;
  readonly intent: string;
  readonly entities?: readonly Readonly<Record<string, string | readonly string[]>>[];
}

/** Sentences of one language. */
export interface Language {
  /** BCP 47. */
  readonly code: string;
  readonly utterances: readonly [Utterance, ...Utterance[]];
  readonly responses: readonly [Response, ...Response[]];
}

interface Response {
  readonly text: string;
  readonly english: string;
}

const english: Language = {
  code: 'en-GB',
  utterances: [
    { text: 'I’d like to book a table for four 🎉', english: '', intent: 'book', entities: [{ party_size: '4' }] },
    { text: 'Can you tell me where my order is? It’s "KX-204".', english: '', intent: 'order_status' },
    { text: 'I was charged twice — £48.00 and £48.00', english: '', intent: 'billing' },
    { text: 'yes', english: '', intent: 'confirm' },
    {
      text: 'Either Friday or Saturday works for us',
      english: '',
      intent: 'book',
      entities: [{ day: ['Friday', 'Saturday'] }],
    },
    { text: 'let me speak to a person please', english: '', intent: 'handoff' },
    {
      text: 'My name is Zoë O’Brien-Núñez',
      english: '',
      intent: 'identify',
      entities: [{ name: 'Zoë O’Brien-Núñez' }],
    },
  ],
  responses: [
    { text: 'Of course. For which day would you like it?', english: '' },
    { text: 'Thanks. I have found your order; it leaves our warehouse tomorrow.', english: '' },
    { text: 'I am sorry about that. I have refunded the second charge.', english: '' },
    { text: 'Could you repeat that, please?', english: '' },
    { text: 'You are booked in. Your reference is T\\7 / "Q9".', english: '' },
  ],
};

const japanese: Language = {
  code: 'ja-JP',
  utterances: [
    { text: '予約を変更したいのですが', english: 'I would like to change my booking', intent: 'rebook' },
    { text: '注文番号は二〇四です', english: 'My order number is 204', intent: 'order_status' },
    { text: 'はい、お願いします🙇', english: 'Yes, please', intent: 'confirm' },
  ],
  responses: [
    { text: 'かしこまりました。ご希望の日をお聞かせください。', english: 'Certainly. Which day would you like?' },
    { text: 'ご注文は明日発送されます。', english: 'Your order ships tomorrow.' },
  ],
};

const arabic: Language = {
  code: 'ar-AE',
  utterances: [
    { text: 'أريد تغيير موعد الحجز', english: 'I want to change my booking', intent: 'rebook' },
    { text: 'لم تصلني الفاتورة بعد', english: 'The bill has not reached me yet', intent: 'billing' },
  ],
  responses: [
    { text: 'بالتأكيد. أي يوم يناسبك؟', english: 'Certainly. Which day suits you?' },
    { text: 'سأرسل الفاتورة الآن إلى عنوانك.', english: 'I am sending the bill to your address now.' },
  ],
};

const hebrew: Language = {
  code: 'he-IL',
  utterances: [{ text: 'אפשר לדבר עם נציג?', english: 'May I speak to a person?', intent: 'handoff' }],
  responses: [{ text: 'כמובן, אני מעבירה אותך עכשיו.', english: 'Of course, I am putting you through now.' }],
};

const german: Language = {
  code: 'de-DE',
  utterances: [
    {
      text: 'Ich möchte den Tisch für Samstag stornieren',
      english: 'I want to cancel my table on Saturday',
      intent: 'cancel',
    },
    { text: 'Die Straße heißt „Königsallee“', english: 'The street is called "Königsallee"', intent: 'address' },
  ],
  responses: [{ text: 'Gerne. Ihre Buchung ist storniert.', english: 'Gladly. Your booking is cancelled.' }],
};

const chinese: Language = {
  code: 'zh-CN',
  utterances: [
    { text: '我想查一下我的订单👀', english: 'I would like to check my order', intent: 'order_status' },
    { text: '请转人工服务', english: 'Please put me through to a person', intent: 'handoff' },
  ],
  responses: [{ text: '好的，您的订单明天送达。', english: 'Certainly, your order arrives tomorrow.' }],
};

/** Mostly English; the others so that code does not depend on ASCII. */
export const LANGUAGES: readonly [Language, ...Language[]] = [english, japanese, arabic, german, chinese, hebrew];

export const HANDOFF_REASONS = ['caller_request', 'payment_dispute', 'not_understood', 'لغة غير مدعومة', ''] as const;
export const HANDOFF_DESTINATIONS = ['billing-queue', 'front-desk', '+442079460018', 'équipe-paris'] as const;
