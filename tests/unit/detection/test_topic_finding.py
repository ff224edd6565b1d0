"""A stolen account, a wrong charge, a contract to be ended: found where the words are plain."""

import pytest

from workers.detection.tokens import fold, parted
from workers.detection.topic_finding import find_topics

FOUND = {
    "account_takeover": (
        "My account has been hacked, I can't get in!",
        "Somebody is using my card in another country.",
        "Hello, someone logged into my account last night.",
        "I think my email was compromised.",
        "There was an unauthorized login to my profile.",
        "Mein Konto wurde gehackt, was soll ich tun?",
        "Jemand hat sich in mein Kundenkonto eingeloggt.",
        "Meine Kreditkarte ist gestern gestohlen worden.",
        "Me han hackeado la cuenta.",
        "Alguien entró en mi cuenta anoche.",
        "Me robaron la tarjeta ayer.",
        "Mon compte a été piraté cette nuit.",
        "Quelqu'un a utilisé ma carte sans mon accord.",
        "On m'a volé ma carte bancaire.",
        "Il mio account è stato hackerato.",
        "Qualcuno è entrato nel mio account.",
        "Mi hanno rubato la carta.",
        "Minha conta foi invadida.",
        "Alguém entrou na minha conta ontem.",
        "Clonaram meu cartão.",
        "Mijn account is gehackt.",
        "Iemand heeft op mijn account ingelogd.",
        "Mijn bankpas is gisteren gestolen.",
    ),
    "billing_problem": (
        "I was charged twice for the same order.",
        "You billed me double this month!",
        "There is a charge of $30 that I don't recognize.",
        "I never authorized this payment.",
        "That transaction isn't mine.",
        "I've been charged for something I never ordered.",
        "My invoice is wrong.",
        "Mir wurde der Betrag doppelt abgebucht.",
        "Auf der Abrechnung steht eine Abbuchung, die nicht von mir ist.",
        "Es wurde zu viel berechnet.",
        "Me cobraron dos veces el mismo pedido.",
        "No reconozco este cargo en mi tarjeta.",
        "Hay un cobro indebido en mi recibo.",
        "J'ai été débité deux fois.",
        "Il y a un prélèvement que je n'ai pas autorisé.",
        "Je vois un double prélèvement sur mon relevé.",
        "Mi avete addebitato due volte l'importo.",
        "C'è un addebito che non riconosco.",
        "Non riconosco questo pagamento.",
        "Fui cobrado duas vezes pela mesma compra.",
        "Não reconheço essa cobrança no meu cartão.",
        "Apareceu uma cobrança indevida.",
        "Er is twee keer afgeschreven.",
        "Ik zie een afschrijving die niet van mij is.",
        "Het bedrag is dubbel in rekening gebracht.",
    ),
    "cancellation_intent": (
        "I want to cancel my subscription.",
        "How do I terminate my contract?",
        "Please close my account.",
        "I'm cancelling my membership today.",
        "We are switching to another provider.",
        "Ich möchte meinen Vertrag kündigen.",
        "Hiermit kündige ich mein Abo.",
        "Wie kann ich mein Konto löschen?",
        "Quiero cancelar mi suscripción.",
        "Quiero darme de baja.",
        "¿Cómo anulo? Quiero dar de baja la línea.",
        "Je souhaite résilier mon abonnement.",
        "Comment résilier mon contrat ?",
        "Je veux fermer mon compte.",
        "Vorrei disdire il contratto.",
        "Voglio cancellare il mio abbonamento.",
        "Come faccio a chiudere il conto?",
        "Quero cancelar minha assinatura.",
        "Gostaria de encerrar meu contrato.",
        "Quero cancelar o plano.",
        "Ik wil mijn abonnement opzeggen.",
        "Ik zou graag mijn contract beëindigen.",
        "Graag mijn lidmaatschap stopzetten.",
    ),
}
NOT_FOUND = (
    "How do I protect my account from being hacked?",
    "What happens if my card is stolen?",
    "My package was stolen from the porch.",
    "My account has not been hacked, I just forgot the password.",
    "I used my account yesterday.",
    "Fraudulent activity?! Are you accusing me?",
    "Will I be charged twice if I try again?",
    "I asked twice about the charge for delivery.",
    "I didn't make the payment yet.",
    "Which payment methods do you take?",
    "Can you charge my other card?",
    "I want to cancel my flight.",
    "Please cancel the order and the hotel reservation.",
    "I don't want to cancel my subscription.",
    "What is your cancellation policy?",
    "They are closing my account without a reason.",
    "Unsubscribe me from the newsletter.",
    "I cancelled my plan last year.",
    "Wie schütze ich mein Konto?",
    "Ich habe die Rechnung bezahlt.",
    "Ich möchte den Flug stornieren.",
    "Ich will nicht kündigen.",
    "¿Cómo protejo mi cuenta?",
    "Quiero pagar mi recibo.",
    "Quiero cancelar mi vuelo.",
    "No quiero cancelar mi suscripción.",
    "Comment protéger mon compte ?",
    "J'ai payé la facture.",
    "Je veux annuler ma commande.",
    "Je ne veux pas résilier mon contrat.",
    "Come proteggo il mio account?",
    "Vorrei pagare la fattura.",
    "Vorrei cancellare il volo.",
    "Non voglio disdire il contratto.",
    "Como protejo minha conta?",
    "Quero pagar a fatura.",
    "Quero cancelar o pedido.",
    "Não quero cancelar minha assinatura.",
    "Hoe bescherm ik mijn account?",
    "Ik wil de factuur betalen.",
    "Ik wil mijn bestelling annuleren.",
    "Ik wil mijn abonnement niet opzeggen.",
)


def _found(text: str) -> dict[str, str]:
    folded, words = fold(text)
    return {one.intent: text[one.start : one.end] for one in find_topics(parted(folded), words)}


@pytest.mark.parametrize(("intent", "text"), [(i, t) for i, ts in FOUND.items() for t in ts])
def test_plain_words_are_found(intent: str, text: str) -> None:
    assert [*_found(text)] == [intent]


@pytest.mark.parametrize("text", NOT_FOUND)
def test_other_words_are_not(text: str) -> None:
    assert _found(text) == {}
